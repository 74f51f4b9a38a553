#include "tasks/evaluate/evaluate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "tasks/evaluate/second_model.h"
#include "tasks/evaluate/white_space.h"
#include "tasks/score/pseudo_likelihood.h"
#include "text/tokenizer_tables.h"

namespace lm {
namespace {

/// Documents without a single window (empty ones) wait for those before them; no more than this many.
constexpr std::size_t kDocumentsWaiting = 65536;

constexpr std::int64_t kBatchRows = 2048;

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

WindowCutter::Ends ends_of(const TextModel& model, bool asks_after) {
  return {.opening = model.tokenizer.opening(),
          .begin_tokens = model.begin_elsewhere(),
          .end_of_text = model.tokenizer.end_of_text(),
          .asks_after = asks_after};
}

/// Returns the spelling of x_0, unless it is end-of-text, as for models made here.
std::string begin_name(const Tokenizer& tokenizer) {
  std::string name;
  for (const TokenId id : tokenizer.begin_tokens()) name += tokenizer.bytes_of(id);
  return name.empty() && tokenizer.opening().empty() ? "none" : name;
}

ScoreDetail detail_of(const TextModel& model, const EvaluatorOptions& options, bool asks_tokens) {
  ScoreDetail detail{.all = asks_tokens || options.all, .begins = options.begins, .inputs = options.inputs};
  if (options.against == nullptr) return detail;
  detail.against = &options.against->parameters();
  detail.common_ids = common_ids(model, *options.against);
  return detail;
}

}  // namespace

void name_ends(WindowPlan& plan, const TextModel& model, bool opens) {
  plan.leaves_tokens_out = model.closing().empty() && !model.tokenizer.closing().empty();
  plan.end.clear();
  for (const TokenId id : model.closing()) plan.end += model.tokenizer.bytes_of(id);
  if (opens) plan.begin = begin_name(model.tokenizer);
  plan.end_of_text = model.end_of_text_given;
  plan.int8_products = model.packed != nullptr && model.packed->quantized();
}

WindowPlan complete_plan(WindowPlan plan, const TextModel& model) {
  const std::int64_t longest = model.config().context_length;
  if (plan.context == 0) plan.context = longest;
  const bool opens = plan.protocol == Protocol::strided || plan.protocol == Protocol::lm_eval;
  name_ends(plan, model, opens || (plan.protocol == Protocol::llama_cpp && !model.begin_elsewhere().empty()));
  if (std::ssize(model.tokenizer.opening()) > plan.context) {
    throw Error("cannot evaluate with a context of " + std::to_string(plan.context) + ": the " +
                std::to_string(model.tokenizer.opening().size()) + " tokens that begin each text do not fit in");
  }
  if (opens) model.require_embedded(model.tokenizer.opening(), "what begins its texts");
  if (plan.protocol == Protocol::llama_cpp) model.require_embedded(model.begin_elsewhere(), "what begins its texts");
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

Evaluator::Evaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, const EvaluatorOptions& options,
                     EvaluationSink sink)
    : model_(model),
      plan_(complete_plan(plan, model)),
      options_(options),
      sink_(std::move(sink)),
      cutter_(cut_of(plan_, model), ends_of(model, !options.begins.empty() && plan_.pseudo == Pseudo::no),
              [this](CutWindow window) { take_window(std::move(window)); }),
      scorer_(
          compute, model.parameters(), plan_.context,
          [this](const ScoredWindow& window, std::span<const TargetScore> scores) { take_result(window, scores); },
          kBatchRows, questions_of(model, plan_), detail_of(model, options, static_cast<bool>(sink_.token))),
      takes_texts_(model.tokenizer.tables().parts.form == TokenizerParts::Form::spelled || model.tokenizer.loses_text()),
      decoder_(model.tokenizer) {
  LM_CHECK(plan_.pseudo == Pseudo::no || !sink_.window);
  const bool by_opening = plan_.protocol == Protocol::strided || plan_.protocol == Protocol::lm_eval;
  if (sink_.token && !by_opening) {
    throw Error("cannot report tokens or words with the protocol '" + std::string(to_string(plan_.protocol)) +
                "', which leaves some unscored; leave --protocol out, or use lm-eval");
  }
}

void Evaluator::resume(const CorpusScore& earlier) {
  LM_CHECK(first_document_ == 0 && documents_.empty());
  total_ = earlier;
  first_document_ = earlier.documents;
}

Evaluator::Document& Evaluator::current() {
  if (!in_document_) {
    const std::int64_t number = first_document_ + std::ssize(documents_);
    documents_.emplace_back().result.number = number;
    const bool by_opening = plan_.protocol == Protocol::strided || plan_.protocol == Protocol::lm_eval;
    documents_.back().result.score.all_scored = by_opening && !model_.tokenizer.opening().empty();
    in_document_ = true;
    in_word_ = false;
  }
  return documents_.back();
}

void Evaluator::count_words(std::string_view bytes, Score& score) {
  for (const char c : bytes) {
    const bool in_word = !is_white_space(c);
    if (in_word && !in_word_) ++score.words;
    in_word_ = in_word;
  }
}

void Evaluator::add(std::span<const TokenId> tokens) {
  // In pieces, so that what is told of tokens does not wait for all of a long pretoken.
  constexpr std::size_t kPiece = 1024;
  for (; tokens.size() > kPiece; tokens = tokens.subspan(kPiece)) add_piece(tokens.first(kPiece));
  add_piece(tokens);
}

void Evaluator::add_piece(std::span<const TokenId> tokens) {
  Document& document = current();
  const bool keeps_text = options_.texts == Texts::keep && !document.named;
  for (const TokenId token : tokens) {
    const std::string_view bytes = model_.bytes_of(token);
    const bool special = model_.tokenizer.is_special(token);
    if (!takes_texts_) {
      if (!special) count_words(bytes, document.result.score);
      if (keeps_text) document.result.document += bytes;
      if (sink_.token) take_token(document, token, special ? std::string_view() : bytes);
      continue;
    }
    const std::size_t before = decoded_.size();
    const bool is_text = token < model_.tokenizer.vocab_size() && !special;
    if (is_text && (sink_.token || !document.has_text)) decoder_.feed(token, decoded_);
    if (sink_.token) take_token(document, token, std::string_view(decoded_).substr(before));
  }
  if (!document.has_text) count_text(decoded_, document);
  decoded_.clear();
  cutter_.add(tokens);
}

/// Notes a token and where it is in the document.
void Evaluator::take_token(Document& document, TokenId id, std::string_view text) {
  TokenScore& token = document.tokens.emplace_back();
  token.document = document.result.number;
  token.index = document.token_count++;
  token.id = id;
  token.text = text;
  if (takes_texts_ && document.has_text && !document.strays) {
    document.strays = !std::string_view(document.expected).starts_with(text);
    if (!document.strays) document.expected.erase(0, text.size());
  }
  if (!document.strays) token.span = ByteSpan{document.place, document.place + std::ssize(text)};
  document.place += std::ssize(text);
}

/// Hands on the first token that waits.
void Evaluator::emit_token(Document& document, const TargetScore* score) {
  LM_CHECK(!document.tokens.empty());
  TokenScore& token = document.tokens.front();
  token.scored = score != nullptr;
  if (score != nullptr) token.score = *score;
  sink_.token(token);
  document.tokens.pop_front();
}

void Evaluator::add_record(std::string_view record) {
  if (options_.texts == Texts::keep) current().result.record = record;
}

void Evaluator::add_text(std::string_view text) {
  if (!takes_texts_) return;
  Document& document = current();
  document.has_text = true;
  if (sink_.token) document.expected += text;
  count_text(text, document);
}

void Evaluator::count_text(std::string_view text, Document& document) {
  count_words(text, document.result.score);
  document.text_bytes += static_cast<std::int64_t>(text.size());
  if (options_.texts == Texts::keep && !document.named) document.result.document += text;
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
    if (!document.tokens.empty()) take_rest(document);
    decoded_.clear();
  }
  if (sink_.token && plan_.score_end) take_token(document, model_.tokenizer.end_of_text(), {});
  cutter_.finish();
  document.ended = true;
  in_document_ = false;
  report_finished();
  if (options_.at_once || documents_.size() > kDocumentsWaiting) scorer_.flush();
}

/// Gives the last token the rest of what the document's tokens spell.
void Evaluator::take_rest(Document& document) {
  TokenScore& last = document.tokens.back();
  last.text += decoded_;
  document.place += std::ssize(decoded_);
  if (document.has_text && document.expected != decoded_) document.strays = true;
  if (document.strays) {
    last.span.reset();
  } else if (last.span) {
    last.span->end = document.place;
  }
}

void Evaluator::take_window(CutWindow window) {
  ++documents_.back().windows_waiting;
  waiting_.push_back({first_document_ + static_cast<std::int64_t>(documents_.size()) - 1, window.credited});
  scorer_.add(std::move(window.scored));
}

void Evaluator::take_result(const ScoredWindow& window, std::span<const TargetScore> scores) {
  const Waiting waiting = waiting_.front();
  waiting_.pop_front();
  Document& document = documents_[static_cast<std::size_t>(waiting.document - first_document_)];
  if (window.asks_after) {
    document.after = scores.back();
    scores = scores.first(scores.size() - 1);
  }
  take_scores(document, window, scores, waiting.credited);
  --document.windows_waiting;
  report_finished();
}

void Evaluator::take_scores(Document& document, const ScoredWindow& window, std::span<const TargetScore> scores,
                            std::int64_t credited) {
  if (sink_.window) {
    sink_.window({.document = document.result.number,
                  .tokens = std::span(window.tokens).subspan(static_cast<std::size_t>(window.first_scored)),
                  .scores = scores,
                  .credited = credited});
  }
  Score& score = document.result.score;
  const bool skips_special = plan_.pseudo != Pseudo::no;
  const std::int64_t weighed = credited;
  const bool each_counts = weighed == std::ssize(scores);  // in some protocols only their mean does
  // Without a token before it, the first one is not scored.
  const bool leaves_first = sink_.token && model_.tokenizer.opening().empty();
  if (leaves_first && !document.tokens.empty() && document.tokens.front().index == 0) emit_token(document, nullptr);
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const TokenId token = window.tokens[static_cast<std::size_t>(window.first_scored) + i];
    const bool special = !stands_for_text(model_.tokenizer, token);
    const bool counts = !(special && skips_special);
    if (sink_.token) emit_token(document, counts ? &scores[i] : nullptr);
    if (!counts) {
      --credited;
      continue;
    }
    sum += scores[i].nats;
    if (each_counts) score.nats += scores[i].nats;
    if (special) continue;
    score.text_nats += scores[i].nats;
    score.bytes += std::ssize(model_.bytes_of(token));
  }
  if (!each_counts && !scores.empty()) {
    sum *= static_cast<double>(weighed) / static_cast<double>(scores.size());
    score.nats += sum;
  }
  score.tokens += credited;
  tokens_scored_ += credited;
  document.block_tokens += credited;
  document.block_nats += sum;
  if (document.block_tokens >= kBlockTokens) close_block(document);
}

void Evaluator::close_block(Document& document) {
  total_.by_block.add(document.block_tokens, document.block_nats);
  document.block_tokens = 0;
  document.block_nats = 0;
}

void Evaluator::report_finished() {
  while (!documents_.empty() && documents_.front().ended && documents_.front().windows_waiting == 0) {
    Document& document = documents_.front();
    if (takes_texts_) settle_text(document);
    while (!document.tokens.empty()) emit_token(document, nullptr);
    close_block(document);
    const DocumentScore& result = document.result;
    total_.score += result.score;
    total_.by_document.add(result.score.tokens, result.score.nats.value());
    ++total_.documents;
    if (const std::optional<double> perplexity = result.score.perplexity()) {
      total_.perplexity_sum += *perplexity;
      ++total_.perplexity_count;
    }
    if (sink_.end) sink_.end(document.after);
    if (sink_.document) sink_.document(result);
    documents_.pop_front();
    ++first_document_;
  }
}

std::vector<std::uint8_t> word_beginnings(const TextModel& model, WordBegin begin) {
  std::vector<std::uint8_t> begins(static_cast<std::size_t>(model.config().vocab_size), 0);
  for (std::size_t id = 0; id < begins.size(); ++id) {
    const std::string_view bytes = model.bytes_of(static_cast<TokenId>(id));
    if (bytes.empty()) continue;
    begins[id] = bytes.front() == ' ' || (begin == WordBegin::all && is_white_space(bytes.front())) ? 1 : 0;
  }
  if (begin == WordBegin::space) return begins;
  for (const TokenId id : model.ends()) {
    if (id < begins.size()) begins[id] = 1;
  }
  return begins;
}

void Evaluator::finish() {
  LM_CHECK(!in_document_);
  scorer_.flush();
  LM_CHECK(documents_.empty());
}

}  // namespace lm
