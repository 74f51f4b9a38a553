// The architectures of GGUF files: which family each is, and how its tensors differ from those of the family's folders.
#pragma once

#include <string>
#include <string_view>

#include "model/config.h"

namespace lm {

struct GgufArchitecture {
  std::string_view name;  // general.architecture, with which its keys begin
  Family family;
  /// Rows of queries and keys lie by pairs that turn together, not with the first of all pairs before the second of all.
  bool paired_rows = false;
  /// rope_freqs.weight divides the frequencies.
  bool frequency_factors = false;
  /// So many layers mean that scores are scaled by the channels of a head, channels / heads, and not by its dimension; 0:
  /// none do.
  std::int64_t layers_scaled_by_channels = 0;
};

/// Returns the architecture of that name. Throws Error naming `source` for one that is not known, with those that are.
const GgufArchitecture& find_gguf_architecture(std::string_view name, std::string_view source);

/// Returns the name in GGUF files of a tensor that folders of the family call `name`; empty if they have none.
/// "model.layers.3.mlp.down_proj.weight" is "blk.3.ffn_down.weight".
std::string gguf_tensor_name(Family family, std::string_view name);

}  // namespace lm
