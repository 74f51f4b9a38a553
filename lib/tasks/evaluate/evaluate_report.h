// What lm-eval-ppl prints of scores: for people, as JSON, and as tab-separated values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/json.h"
#include "tasks/evaluate/token_scores.h"
#include "tasks/evaluate/totals.h"

namespace lm {

enum class ReportForm { text, json, tsv };

/// What a report is about: all documents together, each of them, or their words or tokens.
enum class Level { corpus, document, word, token };
template <>
inline constexpr auto kChoices<Level> = choice_table<Level>(
    "level", {{"corpus", Level::corpus}, {"document", Level::document}, {"word", Level::word}, {"token", Level::token}});

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
/// Returns a text on one line, from which it can be read back; nothing in it is for a terminal to obey. A backslash is
/// written \\, and what a terminal obeys as printable() writes it.
std::string escaped(std::string_view text);

/// Whether the mean of the documents' own perplexities is reported, too.
enum class Macro { no, yes };

/// What stands beside all numbers of a report.
struct ReportFrame {
  std::string protocol;  // as describe() writes it
  bool pseudo = false;   // of a masked model: everything is called pseudo
  LogBase base = LogBase::e;
  std::string model = {};      // hash of the model, in the JSON of a corpus; may be empty
  std::string tokenizer = {};  // tokenizer_hash()
};

/// Returns the keys documents tokens words bytes nats loss perplexity word_perplexity bits_per_byte protocol; then
/// macro_perplexity if asked for, base if it is not e, and what merging reports needs. Numbers are as json_number writes
/// them. Pseudo-log-likelihoods are called pseudo everywhere: pseudo_nats, pseudo_perplexity and so on.
JsonValue to_json(const CorpusScore& corpus, const ReportFrame& frame, Macro macro);
/// Returns the same for one document: `document` in place of `documents`.
JsonValue to_json(const DocumentScore& document, const ReportFrame& frame);
/// Returns the JSON in which a document came, with its score as the object `scores` at its end; a string becomes an object
/// with the string as `text`. `more`: members that the object gains, or null. A `level`, if given, becomes the first member.
/// Throws Error if it has a member of such a name.
std::string with_scores(const DocumentScore& document, const ReportFrame& frame, const JsonValue& more = {},
                        std::optional<Level> level = {});
/// Returns an object with the members of another one, which may be null, after its own.
JsonValue joined(JsonValue row, const JsonValue& more);
JsonValue to_json(const WordScore& word, const ReportFrame& frame);
JsonValue to_json(const TokenScore& token, const ReportFrame& frame, std::string_view likeliest_text);

/// Returns the columns of a level.
std::vector<std::string> tsv_columns(Level level);
/// Returns a line of the columns of one level's row, given as to_json() makes it; inf is a perplexity without a scored token
/// or beyond a double, an empty cell another number that there is none of.
std::string tsv_row(const std::vector<std::string>& columns, const JsonValue& row, const ReportFrame& frame);
/// Returns the names of the columns, as a line.
std::string tsv_header(const std::vector<std::string>& columns, const ReportFrame& frame);

/// Returns a table of one value a line, for people.
std::string to_text(const CorpusScore& corpus, const ReportFrame& frame, Macro macro);
/// Return one line: perplexity, tokens, and the document's beginning; surprisal, tokens, and the word; surprisal, rank, entropy,
/// and the token.
std::string to_text(const DocumentScore& document);
std::string to_text(const WordScore& word, const ReportFrame& frame);
std::string to_text(const TokenScore& token, const ReportFrame& frame);

/// A report of a corpus that to_json() wrote, read again.
struct CorpusReport {
  CorpusScore score;
  ReportFrame frame;
};
/// Throws Error naming `source` if something is missing that merging needs.
CorpusReport corpus_report_from_json(const JsonValue& json, std::string_view source);
/// Adds a part to what was merged. Throws Error naming `source` if they are not of the same model and protocol.
void merge_report(CorpusReport& whole, const CorpusReport& part, std::string_view source);

}  // namespace lm
