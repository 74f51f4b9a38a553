#include "infer/score.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "infer/against_sink.h"
#include "kernels/cross_entropy.h"
#include "model/transformer.h"

namespace lm {
namespace {

// Windows wait until there are this many batches of them, so that those of about equal length meet in one.
constexpr std::int64_t kWaitingBatches = 8;

}  // namespace

ScoreSink::ScoreSink(Compute& compute, const Batch& batch, const ScoreDetail& detail)
    : scores(static_cast<std::size_t>(batch.rows())), compute_(compute), batch_(batch), detail_(detail) {}

void ScoreSink::consume(std::span<const std::int64_t> rows, TensorView<float> logits) {
  targets_.clear();
  for (const std::int64_t row : rows) targets_.push_back(batch_.target[static_cast<std::size_t>(row)]);
  chunk_nats_.resize(rows.size());
  cross_entropy_forward<float>(compute_, chunk_nats_, logits, targets_);
  for (std::size_t i = 0; i < rows.size(); ++i) scores[static_cast<std::size_t>(rows[i])].nats = chunk_nats_[i];
  if (detail_.all) take_detail(rows, logits);
}

void ScoreSink::take_detail(std::span<const std::int64_t> rows, TensorView<float> logits) {
  distributions_.resize(rows.size());
  describe_distributions<float>(compute_, distributions_, logits, targets_);
  if (!detail_.begins.empty()) log_mass<float>(compute_, chunk_nats_, logits, detail_.begins);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    TargetScore& score = scores[static_cast<std::size_t>(rows[i])];
    const Distribution& distribution = distributions_[i];
    score.entropy = distribution.entropy;
    score.rank = distribution.rank;
    score.likeliest = static_cast<TokenId>(distribution.likeliest);
    score.highest_nats = distribution.highest_nats;
    score.likely = distribution.likely;
    score.begins_nats = detail_.begins.empty() ? std::numeric_limits<double>::infinity() : -chunk_nats_[i];
  }
}

SequenceScorer::SequenceScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length,
                               std::int64_t batch_rows, const ScoreDetail& detail)
    : compute_(compute),
      parameters_(parameters),
      limits_(limit_batches(parameters.config(), max_length, batch_rows)),
      detail_(detail),
      activations_(
          std::make_unique<Activations<float>>(parameters.config(), limits_.rows / max_length, max_length, Keep::scoring)) {
  if (detail.against == nullptr) return;
  const ModelConfig& second = detail.against->config();
  LM_CHECK(max_length <= second.context_length && detail.common_ids <= second.vocab_size);
  limits_.models.push_back(&second);
  second_activations_ = std::make_unique<Activations<float>>(second, limits_.rows / max_length, max_length, Keep::scoring);
}

std::vector<std::vector<TargetScore>> SequenceScorer::score(std::span<const ScoredSequence> sequences) {
  std::vector<std::vector<TargetScore>> results(sequences.size());
  for_each_batch(sequences, limits_, [&](const Batch& batch, std::span<const std::size_t> members) {
    const std::vector<TargetScore> scores = score_rows(batch);
    for (std::size_t s = 0; s < members.size(); ++s) {
      const std::size_t first = s * static_cast<std::size_t>(batch.length);
      for (const ScoredSequence::Target& target : sequences[members[s]].targets)
        results[members[s]].push_back(scores[first + static_cast<std::size_t>(target.place)]);
    }
  });
  return results;
}

/// Returns the score of each row of a batch.
std::vector<TargetScore> SequenceScorer::score_rows(const Batch& batch) {
  InputWatch<float> watch;
  if (detail_.inputs != nullptr) {
    watch = [&](std::int64_t layer, LayerMatrix matrix, TensorView<const float> inputs) {
      detail_.inputs->add(compute_, layer, matrix, inputs, batch.weight);
    };
  }
  Transformer<float> transformer(compute_, parameters_, Precision::fp32, std::move(watch));
  if (detail_.against == nullptr) {
    ScoreSink sink(compute_, batch, detail_);
    transformer.score(batch, *activations_, sink);
    return std::move(sink.scores);
  }
  Transformer<float> second(compute_, *detail_.against);
  second.forward(batch, *second_activations_);
  AgainstSink sink(compute_, batch, detail_, second, *second_activations_);
  transformer.score(batch, *activations_, sink);
  return sink.scores();
}

void ask_left_to_right(const ScoredWindow& window, std::vector<ScoredSequence>& sequences) {
  ScoredSequence& sequence = sequences.emplace_back();
  sequence.input.assign(window.tokens.begin(), window.tokens.end() - (window.asks_after ? 0 : 1));
  for (std::size_t i = static_cast<std::size_t>(window.first_scored); i < window.tokens.size(); ++i)
    sequence.targets.push_back({.place = static_cast<std::int64_t>(i) - 1, .token = window.tokens[i]});
  if (window.asks_after) sequence.targets.push_back({.place = std::ssize(sequence.input) - 1, .token = 0});
}

WindowScorer::WindowScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length, Handler handler,
                           std::int64_t batch_rows, Questions questions, const ScoreDetail& detail)
    : scorer_(compute, parameters, max_length, batch_rows, detail),
      handler_(std::move(handler)),
      questions_(std::move(questions)) {}

void WindowScorer::add(ScoredWindow window) {
  LM_CHECK(window.first_scored >= 1 && window.first_scored < std::ssize(window.tokens) + (window.asks_after ? 1 : 0));
  const std::size_t first = sequences_.size();
  questions_(window, sequences_);
  for (std::size_t i = first; i < sequences_.size(); ++i)
    waiting_rows_ += static_cast<std::int64_t>(sequences_[i].input.size());
  ends_.push_back(sequences_.size());
  waiting_.push_back(std::move(window));
  if (waiting_rows_ >= kWaitingBatches * scorer_.batch_rows()) flush();
}

void WindowScorer::flush() {
  const std::vector<std::vector<TargetScore>> results = scorer_.score(sequences_);
  std::size_t next = 0;
  std::vector<TargetScore> scores;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    scores.clear();
    for (; next < ends_[i]; ++next) scores.insert(scores.end(), results[next].begin(), results[next].end());
    handler_(waiting_[i], scores);
  }
  waiting_.clear();
  sequences_.clear();
  ends_.clear();
  waiting_rows_ = 0;
}

}  // namespace lm
