#include "train/gradient_sum.h"

#include <bit>

#include "kernels/elementwise.h"

namespace lm {

namespace {
constexpr std::size_t kEmpty = static_cast<std::size_t>(-1);
}

std::int64_t GradientSum::arenas(std::int64_t micro_batches) {
  return micro_batches == 1 ? 1 : 1 + std::bit_width(static_cast<std::uint64_t>(micro_batches - 1));
}

GradientSum::GradientSum(const ModelConfig& config, std::int64_t micro_batches) {
  LM_CHECK(micro_batches > 0);
  for (std::int64_t i = 0; i < arenas(micro_batches); ++i) {
    arenas_.emplace_back(config);
    free_.push_back(static_cast<std::size_t>(i));
  }
  levels_.assign(64, kEmpty);
}

Parameters<float>& GradientSum::next(Compute& compute) {
  LM_CHECK(!free_.empty());
  current_ = free_.back();
  free_.pop_back();
  fill<float>(compute, arenas_[current_].flat(), 0.0f);
  return arenas_[current_];
}

void GradientSum::done(Compute& compute) {
  std::size_t level = 0;
  for (; levels_[level] != kEmpty; ++level) {
    // The earlier micro-batches' sum takes in the later ones'.
    const std::size_t earlier = levels_[level];
    add<float>(compute, arenas_[earlier].flat(), arenas_[current_].flat());
    free_.push_back(current_);
    levels_[level] = kEmpty;
    current_ = earlier;
  }
  levels_[level] = current_;
}

void GradientSum::fold(Compute& compute, std::int64_t begin, std::int64_t end) {
  std::size_t sum = current_;
  for (const std::size_t earlier : levels_) {
    if (earlier == kEmpty) continue;
    const auto part = [&](std::size_t arena) {
      return TensorView<float>(arenas_[arena].flat().data() + begin, end - begin);
    };
    add<float>(compute, part(earlier), part(sum));
    sum = earlier;
  }
}

Parameters<float>& GradientSum::sum() {
  std::size_t sum = current_;
  for (const std::size_t earlier : levels_) {
    if (earlier != kEmpty) sum = earlier;
  }
  return arenas_[sum];
}

Parameters<float>& GradientSum::finish() {
  Parameters<float>& result = sum();
  free_.push_back(current_);
  for (std::size_t& level : levels_) {
    if (level != kEmpty) free_.push_back(level);
    level = kEmpty;
  }
  return result;
}

}  // namespace lm
