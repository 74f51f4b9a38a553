// Families: what their layers are made of and how their tensors are named, as data.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/token.h"
#include "model/config.h"

namespace lm {

/// In which order a fused matrix of queries, keys and values has its rows.
enum class FusedOrder {
  parts,  // all queries, then all keys, then all values
  heads   // the query, key and value of one head, then those of the next
};

/// The names of a family's tensors on disk, without ".weight" or ".bias" and, but for the head's, without the base. '*' stands for the layer's number; null: the family
/// has no such tensor.
struct TensorNames {
  const char* base;  // what all others but the head's begin with, unless the model was saved without its head
  const char* tokens;
  const char* positions = nullptr;
  const char* token_types = nullptr;
  const char* embedding_norm = nullptr;
  const char* attention_norm = nullptr;
  std::array<const char*, 3> qkv;  // each on its own, or only the first: all fused
  FusedOrder fused_order = FusedOrder::parts;
  const char* q_norm = nullptr;
  const char* k_norm = nullptr;
  const char* projection;
  const char* attention_post_norm = nullptr;  // of what the branch adds, or of the sum
  const char* ffn_norm = nullptr;
  std::array<const char*, 2> up;  // gate and up, or only the first: both fused, or there is no gate
  const char* down;
  const char* ffn_post_norm = nullptr;
  const char* final_norm = nullptr;
  const char* head_dense = nullptr;
  const char* head_norm = nullptr;
  const char* head;
  const char* other_head = nullptr;  // what some files call it
  const char* head_bias = nullptr;   // the whole name
  bool transposed = false;           // the layers' matrices are (in, out): GPT-2's Conv1D
};

const TensorNames& tensor_names(Family family);

/// Returns a name with the layer's number.
std::string layer_name(std::string_view name, std::int64_t layer);

/// Throws Error, naming `source`, if the family has no name for a tensor of the model, or one that the model lacks.
void check_names(const ModelConfig& config, std::string_view source);

/// Returns the token that has the position of padding wherever it is, and after which transformers does not count on: RoBERTa's
/// padding. Here positions are counted through, so that such a token must not be read. Nothing in other families.
std::optional<TokenId> uncounted_token(const ModelConfig& config);

/// Returns whether the family's models predict hidden tokens from both sides.
bool is_masked_family(Family family);

}  // namespace lm
