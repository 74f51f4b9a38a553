#include "infer/score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "kernels/cross_entropy.h"
#include "model/transformer.h"

namespace lm {
namespace {

/// Windows wait until there are this many batches of them, so that those of about equal length meet in one.
constexpr std::int64_t kWaitingBatches = 8;

/// Entropy of softmax(logits) in nats.
double entropy_of(std::span<const float> logits) {
  const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  double weighted = 0;
  for (const float logit : logits) {
    const double distance = static_cast<double>(logit) - largest;
    const double p = std::exp(distance);
    sum += p;
    weighted += p * distance;
  }
  return std::log(sum) - weighted / sum;
}

}  // namespace

ScoreSink::ScoreSink(Compute& compute, const Batch& batch, Detail detail) : compute_(compute), batch_(batch) {
  const auto rows = static_cast<std::size_t>(batch.rows());
  nats.resize(rows);
  if (detail == Detail::nats) return;
  entropy.resize(rows);
  rank.resize(rows);
}

void ScoreSink::consume(std::span<const std::int64_t> rows, TensorView<float> logits) {
  targets_.clear();
  for (const std::int64_t row : rows) targets_.push_back(batch_.target[static_cast<std::size_t>(row)]);
  chunk_nats_.resize(rows.size());
  cross_entropy_forward<float>(compute_, chunk_nats_, logits, targets_);
  for (std::size_t i = 0; i < rows.size(); ++i) nats[static_cast<std::size_t>(rows[i])] = chunk_nats_[i];
  if (rank.empty()) return;
  compute_.pool().run(static_cast<std::int64_t>(rows.size()), [&](std::int64_t i, int) {
    const std::span<const float> row(logits.row(i), static_cast<std::size_t>(logits.columns()));
    const float of_target = row[targets_[static_cast<std::size_t>(i)]];
    const auto place = static_cast<std::size_t>(rows[static_cast<std::size_t>(i)]);
    rank[place] = 1 + std::count_if(row.begin(), row.end(), [&](float logit) { return logit > of_target; });
    entropy[place] = entropy_of(row);
  });
}

WindowScorer::WindowScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length, Handler handler,
                           std::int64_t batch_rows)
    : compute_(compute),
      parameters_(parameters),
      max_length_(max_length),
      batch_rows_(std::max(batch_rows, max_length)),
      handler_(std::move(handler)),
      activations_(
          std::make_unique<Activations<float>>(parameters.config(), batch_rows_ / max_length, max_length, Keep::scoring)) {
  LM_CHECK(max_length >= 1 && max_length <= parameters.config().context_length);
  batch_rows_ = batch_rows_ / max_length * max_length;
}

void WindowScorer::add(ScoredWindow window) {
  const auto length = static_cast<std::int64_t>(window.tokens.size()) - 1;
  LM_CHECK(length >= 1 && length <= max_length_ && window.first_scored >= 1 && window.first_scored <= length);
  waiting_.push_back(std::move(window));
  waiting_rows_ += length;
  if (waiting_rows_ >= kWaitingBatches * batch_rows_) flush();
}

void WindowScorer::flush() {
  std::vector<std::size_t> order(waiting_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return waiting_[a].tokens.size() > waiting_[b].tokens.size(); });
  results_.assign(waiting_.size(), {});
  for (std::size_t first = 0; first < order.size();) {
    const std::size_t length = waiting_[order[first]].tokens.size() - 1;  // the longest of the batch
    const std::size_t count = std::min(order.size() - first, static_cast<std::size_t>(batch_rows_) / length);
    score_batch(std::span<const std::size_t>(order).subspan(first, count));
    first += count;
  }
  for (std::size_t i = 0; i < waiting_.size(); ++i) handler_(waiting_[i], results_[i]);
  waiting_.clear();
  waiting_rows_ = 0;
}

/// Shorter windows are padded at their end, which under the causal mask no other token sees.
void WindowScorer::score_batch(std::span<const std::size_t> members) {
  const std::size_t length = waiting_[members.front()].tokens.size() - 1;
  Batch batch;
  batch.sequences = static_cast<std::int64_t>(members.size());
  batch.length = static_cast<std::int64_t>(length);
  const std::size_t rows = members.size() * length;
  batch.input.resize(rows);
  batch.target.resize(rows);
  batch.weight.resize(rows);
  for (std::size_t s = 0; s < members.size(); ++s) {
    const ScoredWindow& window = waiting_[members[s]];
    std::copy(window.tokens.begin(), window.tokens.end() - 1, batch.input.begin() + static_cast<std::ptrdiff_t>(s * length));
    std::copy(window.tokens.begin() + 1, window.tokens.end(),
              batch.target.begin() + static_cast<std::ptrdiff_t>(s * length));
    for (auto i = static_cast<std::size_t>(window.first_scored) - 1; i + 1 < window.tokens.size(); ++i)
      batch.weight[s * length + i] = 1;
  }
  ScoreSink sink(compute_, batch, ScoreSink::Detail::nats);
  Transformer<float>(compute_, parameters_).score(batch, *activations_, sink);
  for (std::size_t s = 0; s < members.size(); ++s) {
    const ScoredWindow& window = waiting_[members[s]];
    const auto first = static_cast<std::ptrdiff_t>(s * length) + window.first_scored - 1;
    const auto last = static_cast<std::ptrdiff_t>(s * length + window.tokens.size()) - 1;
    results_[members[s]].assign(sink.nats.begin() + first, sink.nats.begin() + last);
  }
}

}  // namespace lm
