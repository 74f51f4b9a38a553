// The keys of each family's config.json, and what its class does where one is absent, as data: as transformers 5.24 has it
// (configuration_*.py and modeling_*.py of each).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "model/config.h"

namespace lm {

/// A size: its key, and another name that the class takes and believes first.
struct SizeKey {
  const char* name;
  const char* alias = nullptr;
};

/// A size that may follow from others: its key (null: it always does) and its default.
struct OwnSizeKey {
  const char* name = nullptr;
  std::optional<std::int64_t> otherwise = {};
};

/// A flag that sets some of a model's features.
struct FlagKey {
  const char* name;
  bool otherwise;
  std::array<bool ModelConfig::*, 3> members;
};

/// What a number in config.json means for its field; null and absent ones leave the field neutral, unless there is a default.
enum class Meaning {
  plain,         // the number itself
  inverse,       // 1 / number
  inverse_root,  // number^(-1/2)
};
struct NumberKey {
  const char* name;
  std::optional<double> otherwise;
  double ModelConfig::*member;
  Meaning meaning = Meaning::plain;
};

/// Which layers see a window only.
enum class WindowPattern {
  none,          // the class knows no windows
  all,           // every layer, if there is a window
  beyond_first,  // if use_sliding_window is true: layers from max_window_layers on
  unrotated,     // if use_sliding_window is true: layers without rotation
  all_but_last,  // of each period of layers all but the last
  all_but_first  // of each period of layers all but the first
};
struct WindowKeys {
  WindowPattern pattern = WindowPattern::none;
  const char* size = "sliding_window";
  std::optional<std::int64_t> otherwise = {};
  const char* period = nullptr;  // the key of the period's length
  std::int64_t usual_period = 0;
  bool both_ways = false;      // `size` counts the tokens on both sides
  const char* half = nullptr;  // another key, which is believed first: of the tokens on one side
  bool reads_types = false;    // of a pattern that is otherwise the same for all layers: there may be layer_types
};

/// The rotation's keys; without a theta the family has none.
struct RotationKeys {
  const char* theta = nullptr;
  double usual_theta = 10000.0;
  const char* partial = nullptr;  // the fraction of a head that turns
  double usual_partial = 1.0;
  const char* local_theta = nullptr;  // of layers with a window
  double usual_local_theta = 10000.0;
};

/// What sizes are where config.json does not say.
struct UsualSizes {
  std::int64_t channels, layers, heads, ffn, context, vocabulary;
};

struct FamilyKeys {
  Family family;
  const char* class_name;  // transformers', of a model with its head
  UsualSizes usual;
  SizeKey channels{"hidden_size"};
  SizeKey layers{"num_hidden_layers"};
  SizeKey heads{"num_attention_heads"};
  OwnSizeKey kv_heads = {};  // none: as many as heads; null is that too
  OwnSizeKey head_dim = {};  // none, or absent without a default: channels / heads
  SizeKey ffn{"intermediate_size"};
  SizeKey context{"max_position_embeddings"};
  SizeKey vocabulary{"vocab_size"};
  std::int64_t ffn_by_channels = 0;  // not 0: ffn is usually so many times the channels
  const char* eps = "rms_norm_eps";  // null: the class has it as family_defaults() does
  double usual_eps = 1e-6;
  const char* activation = "hidden_act";
  const char* usual_activation = "silu";
  const char* head_activation = nullptr;  // the key of a masked model's head; null: as family_defaults() has it
  bool gelu_means_tanh = false;           // an older spelling of Gemma's
  bool usual_tied = false;
  const char* dropout = nullptr;
  double usual_dropout = 0;
  RotationKeys rotation = {};
  WindowKeys window = {};
  std::span<const FlagKey> flags = {};
  std::span<const NumberKey> numbers = {};
  bool scales_embeddings = false;      // by the root of the channels
  bool skips_rotations = false;        // no_rope_layers, no_rope_layer_interval
  bool positions_after_pad = false;    // positions are counted from pad_token_id + 1
  std::int64_t usual_pad = 0;          // only with positions_after_pad
  bool first_layer_unnormed = false;   // the first layer's attention has no norm
  std::int64_t usual_token_types = 0;  // of type_vocab_size
  bool root_original_context = false;  // longrope's original context is at the top: original_max_position_embeddings
};

/// Returns a family's keys.
const FamilyKeys& family_keys(Family family);

}  // namespace lm
