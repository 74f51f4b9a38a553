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
#include "tasks/evaluate/token_scores.h"
#include "tasks/evaluate/totals.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"
#include "text/documents.h"

namespace lm {

enum class Texts { drop, keep };

/// Windows of a document are joined to blocks of so many tokens, over which a standard error is taken.
constexpr std::int64_t kBlockTokens = 256;

/// Returns whether a token counts in bits per byte: special ones do not, except the unknown token, which stands for text.
inline bool stands_for_text(const Tokenizer& tokenizer, TokenId token) {
  return !tokenizer.is_special(token) || token == tokenizer.unknown_token();
}

/// The scored tokens of one window.
struct WindowTargets {
  std::int64_t document;                // its number
  std::span<const TokenId> tokens;      // all of them
  std::span<const TargetScore> scores;  // as many
  std::int64_t credited;                // tokens that they count for; fewer with the protocol hf-stride
};

/// What an evaluation tells, in this order for each document: its tokens, its end, its score. All may be empty; what is not
/// asked for is not computed.
struct EvaluationSink {
  std::function<void(const TokenScore&)> token = {};
  /// What follows the last token of the document; nothing if that is not known.
  std::function<void(const std::optional<TargetScore>& after)> end = {};
  std::function<void(const DocumentScore&)> document = {};
  /// Not of a masked model. Windows come in order, each before its document's score, but perhaps long before.
  std::function<void(const WindowTargets&)> window = {};
};

struct EvaluatorOptions {
  Texts texts = Texts::drop;
  /// (V) 1 for the ids that begin a word, if the mass of these is wanted of each token; must outlive the evaluator.
  std::span<const std::uint8_t> begins = {};
  /// Windows tell all of ScoreDetail::all, as tokens always do.
  bool all = false;
  /// A second model to score every token by (TargetScore::against), which shares_windows() with the first
  /// (second_model.h); must outlive the evaluator.
  const TextModel* against = nullptr;
  /// Each document is scored as soon as it has come, not with those after it.
  bool at_once = false;
  /// Adds up what the model's matrices read where targets are scored, or null; must outlive the evaluator.
  InputSquares* inputs = nullptr;
};

/// Scores documents that come in pieces, in bounded memory (with Texts::keep: and the text of those that have no name).
class Evaluator {
 public:
  Evaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, const EvaluatorOptions& options = {},
            EvaluationSink sink = {});

  /// Continues after an earlier evaluation's documents, before any of its own: numbers and totals go on.
  void resume(const CorpusScore& earlier);
  /// Names the document that begins or has begun: the name is shown instead of its text, which need not be kept then.
  void name_document(std::string_view name);
  /// Keeps the JSON in which the document came, with Texts::keep.
  void add_record(std::string_view record);
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
    std::deque<TokenScore> tokens;  // not yet scored, if they are asked for
    std::int64_t token_count = 0;   // of all that have come
    std::int64_t place = 0;         // byte that the next token begins at
    std::string expected;           // text that its tokens have not spelled yet, if takes_texts_
    bool strays = false;            // what the tokens spell is not the text
    std::optional<TargetScore> after;
    std::int64_t block_tokens = 0;
    double block_nats = 0;
  };
  struct Waiting {
    std::int64_t document;  // number since the start
    std::int64_t credited;
  };
  Document& current();
  void add_piece(std::span<const TokenId> tokens);
  void take_window(CutWindow window);
  void take_result(const ScoredWindow& window, std::span<const TargetScore> scores);
  void take_token(Document& document, TokenId id, std::string_view text);
  void take_rest(Document& document);
  void take_scores(Document& document, const ScoredWindow& window, std::span<const TargetScore> scores,
                   std::int64_t credited);
  void emit_token(Document& document, const TargetScore* score);
  void close_block(Document& document);
  void report_finished();
  void count_words(std::string_view bytes, Score& score);
  void count_text(std::string_view text, Document& document);
  void settle_text(Document& document) const;

  const TextModel& model_;
  WindowPlan plan_;
  EvaluatorOptions options_;
  EvaluationSink sink_;
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

/// Returns (V) which ids begin a word: end-of-text and those whose first byte is whitespace, or only those whose first byte is
/// a space.
std::vector<std::uint8_t> word_beginnings(const TextModel& model, WordBegin begin);

/// Names in a plan what stands around the model's texts. `opens`: x_0 precedes them.
void name_ends(WindowPlan& plan, const TextModel& model, bool opens);

/// Returns the plan with what is 0 filled in: the model's context, and half of it (1 at least) as stride. Throws Error if
/// the plan does not suit the model (context beyond the model's, stride beyond the context, an objective that it was not
/// trained on).
WindowPlan complete_plan(WindowPlan plan, const TextModel& model);

/// Where documents go, piece by piece: their names, tokens and ends.
struct DocumentTokens {
  std::function<void(std::string_view name)> name;
  std::function<void(std::span<const TokenId> tokens)> tokens;
  std::function<void()> end;
  std::function<void(std::string_view text)> text = {};         // before its tokens; not of token streams
  std::function<void(const JsonDocument& document)> json = {};  // before its text, if it came in JSON
};

/// Reads every path ("-" and no path at all: standard input), text or token stream as its first bytes say. Text is cut into
/// documents by `kind`, token streams at end-of-text. If each file is one document, it bears the file's name. `on_read`
/// is called after each piece. Throws Error.
void read_documents(const DocumentTokens& sink, const TextModel& model, const std::vector<std::string>& paths,
                    const DocumentKind& kind, const std::function<void()>& on_read = {});
/// Returns the sink that hands documents to an evaluator.
DocumentTokens documents_into(Evaluator& evaluator);
/// Reads the same into an evaluator, whose finish() it calls.
void evaluate_inputs(Evaluator& evaluator, const TextModel& model, const std::vector<std::string>& paths,
                     const DocumentKind& kind, const std::function<void()>& on_read = {});

}  // namespace lm
