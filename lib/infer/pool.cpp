#include "infer/pool.h"

#include "model/transformer.h"

namespace lm {

SequencePooler::SequencePooler(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length,
                               std::int64_t batch_rows)
    : compute_(compute),
      parameters_(parameters),
      limits_(limit_batches(parameters.config(), max_length, batch_rows)),
      activations_(
          std::make_unique<Activations<float>>(parameters.config(), limits_.rows / max_length, max_length, Keep::scoring)) {}

std::vector<double> SequencePooler::sum(std::span<const ScoredSequence> sequences) {
  const auto columns = static_cast<std::size_t>(parameters_.config().channels);
  std::vector<double> sums(sequences.size() * columns);
  Transformer<float> transformer(compute_, parameters_);
  for_each_batch(sequences, limits_, [&](const Batch& batch, std::span<const std::size_t> members) {
    transformer.forward(batch, *activations_);
    for (std::size_t s = 0; s < members.size(); ++s) {
      double* sum = sums.data() + members[s] * columns;
      for (const ScoredSequence::Target& target : sequences[members[s]].targets) {
        const float* hidden = activations_->final_norm.row(static_cast<std::int64_t>(s) * batch.length + target.place);
        for (std::size_t c = 0; c < columns; ++c) sum[c] += static_cast<double>(hidden[c]);
      }
    }
  });
  return sums;
}

}  // namespace lm
