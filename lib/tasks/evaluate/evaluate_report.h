// What lm-eval-ppl prints of a score: for people, as JSON, and as tab-separated values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/choice.h"
#include "base/json.h"
#include "tasks/evaluate/evaluate.h"

namespace lm {

/// The base of the logarithm in which a loss is reported.
enum class LogBase { e, two, ten };
template <>
inline constexpr auto kChoices<LogBase> =
    choice_table<LogBase>("base of the logarithm", {{"e", LogBase::e}, {"2", LogBase::two}, {"10", LogBase::ten}});
/// Returns ln(base), by which nats are divided to be in units of the base.
double log_of(LogBase base);
/// Returns the unit's name: nats, bits or bans.
const char* unit_of(LogBase base);

/// Returns a number of a score for people: "undefined" if nothing was scored, or as fixed_text writes it.
std::string score_text(const std::optional<double>& number, int decimals);
/// Returns a line of a table for people: a name, padded, and its value.
std::string score_line(std::string name, const std::string& value);

/// Whether the mean of the documents' own perplexities is reported, too.
enum class Macro { no, yes };

/// Returns the keys documents tokens words bytes nats loss perplexity word_perplexity bits_per_byte protocol; then
/// macro_perplexity if asked for, and base if it is not e. Numbers are as json_number writes them. Pseudo-log-likelihoods
/// are called pseudo everywhere: pseudo_nats, pseudo_perplexity and so on.
JsonValue to_json(const CorpusScore& corpus, const WindowPlan& plan, LogBase base, Macro macro);
/// Returns the same for one document: `document` in place of `documents`.
JsonValue to_json(const DocumentScore& document, const WindowPlan& plan, LogBase base);

/// Returns a line of the columns perplexity (inf if no token was scored, or if it is beyond a double), nats, tokens, words,
/// bytes, document (documents: their number). In a document's text a backslash is written \\, and what a terminal obeys as
/// printable() writes it.
std::string to_tsv(const CorpusScore& corpus);
std::string to_tsv(const DocumentScore& document);
/// Returns the names of those columns.
std::string tsv_header(std::string_view last_column, const WindowPlan& plan = {});

/// Returns a table of one value a line, for people.
std::string to_text(const CorpusScore& corpus, const WindowPlan& plan, LogBase base, Macro macro);
/// Returns one line: perplexity, tokens, and the document's beginning.
std::string to_text(const DocumentScore& document);

}  // namespace lm
