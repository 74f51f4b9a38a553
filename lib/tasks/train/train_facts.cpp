// What a session foretells before it runs: size, cost and memory.
#include <algorithm>
#include <cmath>

#include "base/resident.h"
#include "tasks/train/train_session.h"

namespace lm {

/// Of a mixture, the share whose attention costs the same: the root of the mean square.
double TrainSession::visible_prefix_share() const {
  if (stream_objective_ != nullptr) return stream_objective_->visible_prefix_share();
  double square = 0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const double prefix = window_source_->source(i).objective().visible_prefix_share();
    square += shares_[i].share * prefix * prefix;
  }
  return std::sqrt(square);
}

TrainFacts TrainSession::facts() const {
  const double per_position = training_flops_per_token(config_, *settings_.context, visible_prefix_share());
  TrainFacts facts{.parameters = parameter_count(config_),
                   .flops_per_step = per_position * static_cast<double>(settings_.batch * *settings_.context),
                   .flops_per_position = per_position,
                   .tokens_per_epoch = std::nullopt,
                   .windows_per_epoch = std::nullopt,
                   .total_steps = steps_of_budget(),
                   .step_positions = settings_.batch * *settings_.context,
                   .visible_prefix_share = visible_prefix_share()};
  if (window_source_ != nullptr) {
    facts.tokens_per_epoch = corpus_->size();
    facts.windows_per_epoch = window_source_->source(0).count(0);
  }
  return facts;
}

std::int64_t TrainSession::held_out_documents() const {
  std::int64_t documents = 0;
  for (const TokenFile& file : valid_files_.empty() ? files_ : valid_files_) documents += file.info().documents.value_or(0);
  if (!valid_files_.empty()) return documents;
  return static_cast<std::int64_t>(std::ceil(settings_.valid_fraction * static_cast<double>(documents)));
}

/// What make_validator() will hold.
std::int64_t TrainSession::held_out_bytes(std::int64_t sequences, std::int64_t context_length) const {
  const bool scores = std::any_of(shares_.begin(), shares_.end(),
                                  [](const auto& share) { return share.entry->name == std::string("causal"); });
  if (!valid_corpus_ || !scores) return 0;
  return valid_corpus_->size() * static_cast<std::int64_t>(sizeof(TokenId)) +
         DocumentLoss::bytes(valid_corpus_->size(), held_out_documents(), context_length, sequences);
}

TrainMemory TrainSession::memory() const {
  prepare_products(*compute_);
  const ResidentMemory resident = resident_memory();
  TrainMemory memory{.trainer = Trainer::memory(config_, options(), compute_->simd(), compute_->pool().threads()),
                     .held_out = held_out_bytes(*settings_.micro_batch, *settings_.context),
                     .files = resident.files,
                     .program = resident.now - resident.files};
  // Measuring which precision is the fastest has taken some of the scratch already.
  const ScratchSize asked = compute_->scratch_asked();
  memory.program -= std::min(memory.trainer.scratch, asked.worker * compute_->pool().threads() + asked.shared);
  // Reading a large tokenizer may have taken more than a small model will.
  memory.program += std::max<std::int64_t>(0, resident.peak - memory.total());
  return memory;
}

}  // namespace lm
