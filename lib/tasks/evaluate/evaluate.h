// Evaluating: how well a model predicts documents, in totals that can be compared with those of other programs.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "infer/score.h"
#include "kernels/compute.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"
#include "text/documents.h"

namespace lm {

/// The totals of one document or of several, from which every number of a report is computed.
struct Score {
  std::int64_t tokens = 0;  // that count in nats; with a masked model no special ones
  std::int64_t words = 0;   // runs of what is not ASCII whitespace, in the whole text
  std::int64_t bytes = 0;   // of the scored tokens, or of the text if tokens do not hold all of it; special ones have none
  double nats = 0;
  double text_nats = 0;    // of the scored tokens that are not special: for bits per byte
  bool all_scored = true;  // false if the protocol leaves tokens unscored: then nats / words means nothing

  void operator+=(const Score& other);
  /// Returns exp(nats / tokens); empty if no token was scored.
  std::optional<double> perplexity() const;
  /// Returns exp(nats / words); empty if there are none, or if not all of the text was scored.
  std::optional<double> word_perplexity() const;
  /// Returns text_nats / (ln 2 * bytes); empty if there are no bytes.
  std::optional<double> bits_per_byte() const;
  /// Returns the mean of nats over the tokens; empty if no token was scored.
  std::optional<double> loss() const;
};

struct DocumentScore {
  Score score;
  std::string document;  // its name, or its text if it has none
};

struct CorpusScore {
  Score score;
  std::int64_t documents = 0;
  /// Returns the mean of the documents' own perplexities, over those that have one.
  std::optional<double> macro_perplexity() const;
  double perplexity_sum = 0;
  std::int64_t perplexity_count = 0;
};

enum class Texts { drop, keep };

/// Scores documents that come in pieces, in bounded memory (with Texts::keep: and the text of those that have no name).
class Evaluator {
 public:
  /// `on_document`, if given, gets each document's score, in order.
  Evaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, Texts texts = Texts::drop,
            std::function<void(const DocumentScore&)> on_document = {});

  /// Names the document that begins or has begun: the name is shown instead of its text, which need not be kept then.
  void name_document(std::string_view name);
  void add(std::span<const TokenId> tokens);
  /// Tells the text whose tokens come, if it is known: it is counted in place of what the tokens stand for, if these differ.
  void add_text(std::string_view text);
  void end_document();
  /// Scores what waits; all documents have then been reported.
  void finish();
  /// Documents and tokens reported so far, all after finish().
  const CorpusScore& total() const { return total_; }
  const WindowPlan& plan() const { return plan_; }
  /// Returns the number of tokens scored so far, for those who wait.
  std::int64_t tokens_scored() const { return tokens_scored_; }

 private:
  struct Document {
    DocumentScore result;
    std::int64_t windows_waiting = 0;
    std::int64_t text_bytes = 0;  // of the text itself, if takes_texts_
    bool has_text = false;
    bool named = false;
    bool ended = false;
  };
  struct Waiting {
    std::int64_t document;  // number since the start
    std::int64_t credited;
  };
  Document& current();
  void take_window(CutWindow window);
  void take_result(const ScoredWindow& window, std::span<const double> nats);
  void report_finished();
  void count_words(std::string_view bytes, Score& score);
  void count_text(std::string_view text, Document& document);
  void settle_text(Document& document) const;

  const TextModel& model_;
  WindowPlan plan_;
  Texts texts_;
  std::function<void(const DocumentScore&)> on_document_;
  WindowCutter cutter_;
  WindowScorer scorer_;
  CorpusScore total_;
  std::deque<Document> documents_;   // not yet reported; the last one may still grow
  std::int64_t first_document_ = 0;  // number of documents_.front()
  std::deque<Waiting> waiting_;      // windows that the scorer has, in order
  std::int64_t tokens_scored_ = 0;
  bool takes_texts_;  // the bytes of tokens are not those of a text
  StreamDecoder decoder_;
  std::string decoded_;
  bool in_document_ = false;
  bool in_word_ = false;
};

/// Returns the plan with what is 0 filled in: the model's context, and half of it (1 at least) as stride. Throws Error if
/// the plan does not suit the model (context beyond the model's, stride beyond the context, an objective that it was not
/// trained on).
WindowPlan complete_plan(WindowPlan plan, const TextModel& model);

/// Where documents go, piece by piece: their names, tokens and ends.
struct DocumentTokens {
  std::function<void(std::string_view name)> name;
  std::function<void(std::span<const TokenId> tokens)> tokens;
  std::function<void()> end;
  std::function<void(std::string_view text)> text = {};  // before its tokens; not of token streams
};

/// Reads every path ("-" and no path at all: standard input), text or token stream as its first bytes say. Text is cut into
/// documents by `kind`, token streams at end-of-text. If each file is one document, it bears the file's name. `on_read`
/// is called after each piece. Throws Error.
void read_documents(const DocumentTokens& sink, const TextModel& model, const std::vector<std::string>& paths,
                    const DocumentKind& kind, const std::function<void()>& on_read = {});
/// Reads the same into an evaluator, whose finish() it calls.
void evaluate_inputs(Evaluator& evaluator, const TextModel& model, const std::vector<std::string>& paths,
                     const DocumentKind& kind, const std::function<void()>& on_read = {});

}  // namespace lm
