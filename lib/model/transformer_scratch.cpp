// The scratch memory that a training pass asks for.
#include <algorithm>

#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "model/transformer.h"

namespace lm {

template <class T>
ScratchSize Transformer<T>::scratch(const ModelConfig& c, SimdTier tier, Precision precision, std::int64_t sequences,
                                    std::int64_t length) {
  const std::int64_t rows = sequences * length;
  const std::int64_t chunk = std::min(rows, Activations<T>::head_chunk_rows(c));
  ScratchSize size =
      c.norm == Norm::layernorm ? layernorm_scratch<T>(rows, c.channels) : rmsnorm_scratch<T>(rows, c.channels);
  const auto with = [&](const ScratchSize& kernel) { size = larger(size, kernel); };
  if (c.qk_norm != QkNorm::none) with(rmsnorm_scratch<T>(rows, c.qk_norm == QkNorm::head ? c.head_dim : c.q_width()));
  if (c.head_dense) with(linear_scratch<T>(tier, Precision::fp32, chunk, c.channels, c.channels));
  with(attention_forward_scratch<T>(tier, precision, length, c.head_dim));
  with(attention_backward_scratch<T>(tier, precision, length, c.head_dim));
  with(linear_scratch<T>(tier, precision, rows, c.channels, c.qkv_width()));
  with(linear_scratch<T>(tier, precision, rows, c.q_width(), c.channels));
  with(linear_scratch<T>(tier, precision, rows, c.channels, c.up_width()));
  with(linear_scratch<T>(tier, precision, rows, c.ffn_dim, c.channels));
  with(linear_scratch<T>(tier, precision, chunk, c.channels, c.vocab_size));
  return size;
}

template ScratchSize Transformer<float>::scratch(const ModelConfig&, SimdTier, Precision, std::int64_t, std::int64_t);
template ScratchSize Transformer<double>::scratch(const ModelConfig&, SimdTier, Precision, std::int64_t, std::int64_t);

}  // namespace lm
