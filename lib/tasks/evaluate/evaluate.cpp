#include "tasks/evaluate/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/error.h"
#include "tasks/score/pseudo_likelihood.h"
#include "text/tokenizer_tables.h"

namespace lm {
namespace {

/// Documents without a single window (empty ones) wait for those before them; no more than this many.
constexpr std::size_t kDocumentsWaiting = 65536;

constexpr std::int64_t kBatchRows = 2048;

bool is_whitespace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// How a document is cut: windows whose tokens all see each other hold L of them with those that close them, the first of
/// which was scored by the one before (and in a mixture has no output of its own); others hold L + 1.
WindowPlan cut_of(const WindowPlan& plan, const TextModel& model) {
  if (plan.pseudo == Pseudo::no) return plan;
  const std::int64_t length = plan.context - 1 - std::ssize(model.closing());
  return {.context = length, .stride = length};
}

Questions questions_of(const TextModel& model, const WindowPlan& plan) {
  if (plan.pseudo == Pseudo::no) return ask_left_to_right;
  return ask_hidden_tokens(model, plan.pseudo);
}

WindowCutter::Ends ends_of(const Tokenizer& tokenizer) {
  return {.opening = tokenizer.opening(), .begin_tokens = tokenizer.begin_tokens(), .end_of_text = tokenizer.end_of_text()};
}

/// Returns the spelling of x_0, unless it is end-of-text, as for models made here.
std::string begin_name(const Tokenizer& tokenizer) {
  std::string name;
  for (const TokenId id : tokenizer.begin_tokens()) name += tokenizer.bytes_of(id);
  return name.empty() && tokenizer.opening().empty() ? "none" : name;
}

std::optional<double> quotient(double numerator, double denominator) {
  if (denominator == 0) return std::nullopt;
  return numerator / denominator;
}

}  // namespace

void Score::operator+=(const Score& other) {
  tokens += other.tokens;
  words += other.words;
  bytes += other.bytes;
  nats += other.nats;
  text_nats += other.text_nats;
  all_scored = all_scored && other.all_scored;
}

std::optional<double> Score::loss() const { return quotient(nats, static_cast<double>(tokens)); }

std::optional<double> Score::perplexity() const {
  if (tokens == 0) return std::nullopt;
  return std::exp(*loss());
}

std::optional<double> Score::word_perplexity() const {
  if (words == 0 || tokens == 0 || !all_scored) return std::nullopt;
  return std::exp(nats / static_cast<double>(words));
}

std::optional<double> Score::bits_per_byte() const {
  return quotient(text_nats, std::numbers::ln2 * static_cast<double>(bytes));
}

std::optional<double> CorpusScore::macro_perplexity() const {
  return quotient(perplexity_sum, static_cast<double>(perplexity_count));
}

WindowPlan complete_plan(WindowPlan plan, const TextModel& model) {
  const std::int64_t longest = model.config().context_length;
  if (plan.context == 0) plan.context = longest;
  plan.leaves_tokens_out = model.closing().empty() && !model.tokenizer.closing().empty();
  for (const TokenId id : model.closing()) plan.end += model.tokenizer.bytes_of(id);
  const bool opens = plan.protocol == Protocol::strided || plan.protocol == Protocol::lm_eval;
  if (opens || (plan.protocol == Protocol::llama_cpp && !model.tokenizer.begin_tokens().empty()))
    plan.begin = begin_name(model.tokenizer);
  if (std::ssize(model.tokenizer.opening()) > plan.context) {
    throw Error("cannot evaluate with a context of " + std::to_string(plan.context) + ": the " +
                std::to_string(model.tokenizer.opening().size()) + " tokens that begin each text do not fit in");
  }
  if (opens) model.require_embedded(model.tokenizer.opening(), "what begins its texts");
  if (plan.protocol == Protocol::llama_cpp) model.require_embedded(model.tokenizer.begin_tokens(), "what begins its texts");
  if (plan.score_end) model.require_embedded(std::array{model.tokenizer.end_of_text()}, "what ends its texts");
  if (plan.pseudo != Pseudo::no) {
    require_masked(model);
    model.require_embedded(model.closing(), "what ends its texts");
    LM_CHECK(plan.protocol == Protocol::strided && !plan.score_end);
    plan.stride = plan.context;
    const std::int64_t least = 2 + std::ssize(model.closing());
    if (plan.context < least) {
      throw Error("cannot hide a token in a context of " + std::to_string(plan.context) + ": --context must be " +
                  std::to_string(least) + " at least");
    }
  } else {
    require_left_to_right(model);
  }
  if (plan.context > longest) {
    throw Error("cannot evaluate with a context of " + std::to_string(plan.context) + ": the context of '" + model.path() +
                "' is " + std::to_string(longest));
  }
  if (plan.stride == 0)
    plan.stride = plan.protocol == Protocol::strided ? std::max<std::int64_t>(1, plan.context / 2) : plan.context;
  if (plan.stride > plan.context) {
    throw Error("cannot evaluate with a stride of " + std::to_string(plan.stride) + ": it is beyond the context of " +
                std::to_string(plan.context) + ", so that tokens between windows would be left out");
  }
  return plan;
}

Evaluator::Evaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, Texts texts,
                     std::function<void(const DocumentScore&)> on_document)
    : model_(model),
      plan_(complete_plan(plan, model)),
      texts_(texts),
      on_document_(std::move(on_document)),
      cutter_(cut_of(plan_, model), ends_of(model.tokenizer), [this](CutWindow window) { take_window(std::move(window)); }),
      scorer_(
          compute, model.parameters(), plan_.context,
          [this](const ScoredWindow& window, std::span<const double> nats) { take_result(window, nats); }, kBatchRows,
          questions_of(model, plan_)),
      takes_texts_(model.tokenizer.tables().parts.form == TokenizerParts::Form::spelled || model.tokenizer.loses_text()),
      decoder_(model.tokenizer) {}

Evaluator::Document& Evaluator::current() {
  if (!in_document_) {
    documents_.emplace_back();
    const bool by_opening = plan_.protocol == Protocol::strided || plan_.protocol == Protocol::lm_eval;
    documents_.back().result.score.all_scored = by_opening && !model_.tokenizer.opening().empty();
    in_document_ = true;
    in_word_ = false;
  }
  return documents_.back();
}

void Evaluator::count_words(std::string_view bytes, Score& score) {
  for (const char c : bytes) {
    const bool in_word = !is_whitespace(c);
    if (in_word && !in_word_) ++score.words;
    in_word_ = in_word;
  }
}

void Evaluator::add(std::span<const TokenId> tokens) {
  Document& document = current();
  for (const TokenId token : tokens) {
    const std::string_view bytes = model_.bytes_of(token);
    if (!takes_texts_ && !model_.tokenizer.is_special(token)) count_words(bytes, document.result.score);
    if (!takes_texts_ && texts_ == Texts::keep && !document.named) document.result.document += bytes;
    const bool is_text = token < model_.tokenizer.vocab_size() && !model_.tokenizer.is_special(token);
    if (takes_texts_ && !document.has_text && is_text) decoder_.feed(token, decoded_);
  }
  count_text(decoded_, document);
  decoded_.clear();
  cutter_.add(tokens);
}

void Evaluator::add_text(std::string_view text) {
  if (!takes_texts_) return;
  Document& document = current();
  document.has_text = true;
  count_text(text, document);
}

void Evaluator::count_text(std::string_view text, Document& document) {
  count_words(text, document.result.score);
  document.text_bytes += static_cast<std::int64_t>(text.size());
  if (texts_ == Texts::keep && !document.named) document.result.document += text;
}

/// Counts the text itself. What a token stream stands for is not known if the tokenizer loses text.
void Evaluator::settle_text(Document& document) const {
  Score& score = document.result.score;
  const bool is_known = document.has_text || !model_.tokenizer.loses_text();
  if (score.all_scored || !is_known) score.bytes = is_known ? document.text_bytes : 0;
  if (!is_known) score.words = 0;
}

void Evaluator::name_document(std::string_view name) {
  Document& document = current();
  document.result.document = name;
  document.named = true;
}

void Evaluator::end_document() {
  Document& document = current();
  if (takes_texts_) {
    decoder_.finish(decoded_);
    if (!document.has_text) count_text(decoded_, document);
    decoded_.clear();
  }
  cutter_.finish();
  document.ended = true;
  in_document_ = false;
  report_finished();
  if (documents_.size() > kDocumentsWaiting) scorer_.flush();
}

void Evaluator::take_window(CutWindow window) {
  ++documents_.back().windows_waiting;
  waiting_.push_back({first_document_ + static_cast<std::int64_t>(documents_.size()) - 1, window.credited});
  scorer_.add(std::move(window.scored));
}

void Evaluator::take_result(const ScoredWindow& window, std::span<const double> nats) {
  const Waiting waiting = waiting_.front();
  waiting_.pop_front();
  Document& document = documents_[static_cast<std::size_t>(waiting.document - first_document_)];
  Score& score = document.result.score;
  // A masked model was never asked for a special token.
  const bool skips_special = plan_.pseudo != Pseudo::no;
  double sum = 0;
  std::int64_t credited = waiting.credited;
  for (std::size_t i = 0; i < nats.size(); ++i) {
    const TokenId token = window.tokens[static_cast<std::size_t>(window.first_scored) + i];
    // The unknown token stands for text, whatever the tokenizer says that it is.
    const bool special = model_.tokenizer.is_special(token) && token != model_.tokenizer.unknown_token();
    if (special && skips_special) {
      --credited;
      continue;
    }
    sum += nats[i];
    if (special) continue;
    score.text_nats += nats[i];
    score.bytes += static_cast<std::int64_t>(model_.bytes_of(token).size());
  }
  score.nats += sum * (static_cast<double>(waiting.credited) / static_cast<double>(nats.size()));
  score.tokens += credited;
  tokens_scored_ += credited;
  --document.windows_waiting;
  report_finished();
}

void Evaluator::report_finished() {
  while (!documents_.empty() && documents_.front().ended && documents_.front().windows_waiting == 0) {
    if (takes_texts_) settle_text(documents_.front());
    const DocumentScore& result = documents_.front().result;
    total_.score += result.score;
    ++total_.documents;
    if (const std::optional<double> perplexity = result.score.perplexity()) {
      total_.perplexity_sum += *perplexity;
      ++total_.perplexity_count;
    }
    if (on_document_) on_document_(result);
    documents_.pop_front();
    ++first_document_;
  }
}

void Evaluator::finish() {
  LM_CHECK(!in_document_);
  scorer_.flush();
  LM_CHECK(documents_.empty());
}

}  // namespace lm
