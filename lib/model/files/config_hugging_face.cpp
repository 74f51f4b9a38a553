#include "model/files/config_hugging_face.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "model/families.h"
#include "model/files/config_keys.h"
#include "model/files/config_reader.h"
#include "model/files/family_keys.h"
#include "model/files/rotation_reader.h"

namespace lm {

namespace {

std::int64_t read_size(const ConfigReader& reader, const SizeKey& key, std::int64_t usual) {
  if (key.alias != nullptr && reader.present(key.alias)) return reader.integer(key.alias);
  return reader.integer(key.name, usual);
}

/// Returns the key that a size was read from.
const char* named_key(const ConfigReader& reader, const SizeKey& key) {
  return key.alias != nullptr && reader.present(key.alias) ? key.alias : key.name;
}

void require_size(const ConfigReader& reader, const SizeKey& key, std::int64_t size) {
  if (size < 1 || size > kLargestSize)
    reader.refuse_value(named_key(reader, key), "a number from 1 to " + std::to_string(kLargestSize));
}

/// Throws Error if a class without a size of heads of its own turns heads of another size than they have.
void check_unread_head_dim(const ConfigReader& reader, const ModelConfig& config) {
  if (config.positions != Positions::rotary || !reader.present("head_dim")) return;
  if (reader.integer("head_dim") != config.head_dim)
    reader.refuse("head_dim", std::to_string(config.head_dim) + ", which is the channels by the heads");
}

void read_sizes(const ConfigReader& reader, const FamilyKeys& keys, ModelConfig& config) {
  config.channels = read_size(reader, keys.channels, keys.usual.channels);
  config.n_layers = read_size(reader, keys.layers, keys.usual.layers);
  config.n_heads = read_size(reader, keys.heads, keys.usual.heads);
  require_size(reader, keys.heads, config.n_heads);
  require_size(reader, keys.channels, config.channels);
  // Absent, it may have a default; null is as many as there are heads.
  config.n_kv_heads = config.n_heads;
  if (keys.kv_heads.name != nullptr) {
    const bool absent = reader.find(keys.kv_heads.name) == nullptr;
    config.n_kv_heads =
        reader.integer(keys.kv_heads.name, absent ? keys.kv_heads.otherwise.value_or(config.n_heads) : config.n_heads);
  }
  const bool has_head_dim = keys.head_dim.name != nullptr && (reader.present(keys.head_dim.name) || keys.head_dim.otherwise);
  if (has_head_dim) {
    config.head_dim = reader.integer(keys.head_dim.name, keys.head_dim.otherwise.value_or(0));
  } else {
    if (config.channels % config.n_heads != 0)
      reader.refuse_value(named_key(reader, keys.heads), "a divisor of " + std::to_string(config.channels) + " channels");
    config.head_dim = config.channels / config.n_heads;
    if (keys.head_dim.name == nullptr) check_unread_head_dim(reader, config);
  }
  const bool by_channels = keys.ffn_by_channels > 0 && !reader.present(keys.ffn.name);
  config.ffn_dim = by_channels ? keys.ffn_by_channels * config.channels : read_size(reader, keys.ffn, keys.usual.ffn);
  config.context_length = read_size(reader, keys.context, keys.usual.context);
  config.vocab_size = read_size(reader, keys.vocabulary, keys.usual.vocabulary);
  if (keys.usual_token_types > 0) config.token_types = reader.integer("type_vocab_size", keys.usual_token_types);
  if (keys.positions_after_pad) {
    config.position_offset = reader.integer("pad_token_id", keys.usual_pad) + 1;
    if (config.position_offset < 1 || config.position_offset >= config.context_length)
      reader.refuse_value("pad_token_id", "a number from 0 to the positions less 2, of which the first follows it");
    config.context_length -= config.position_offset;
  }
}

Activation read_activation(const ConfigReader& reader, const char* key, const FamilyKeys& keys) {
  struct Name {
    const char* name;
    Activation activation;
  };
  // Names of one function, of which some compute it in another order.
  constexpr std::array<Name, 9> kNames = {{{"silu", Activation::silu},
                                           {"swish", Activation::silu},
                                           {"gelu", Activation::gelu},
                                           {"gelu_python", Activation::gelu},
                                           {"gelu_new", Activation::gelu_tanh},
                                           {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                           {"gelu_fast", Activation::gelu_tanh},
                                           {"gelu_accurate", Activation::gelu_tanh},
                                           {"relu", Activation::relu}}};
  const std::string wanted = reader.string(key, keys.usual_activation);
  if (keys.gelu_means_tanh && wanted == "gelu") return Activation::gelu_tanh;
  std::string known;
  for (const Name& name : kNames) {
    if (wanted == name.name) return name.activation;
    known += (known.empty() ? "" : ", ") + std::string(name.name);
  }
  reader.refuse(key, known);
}

void read_features(const ConfigReader& reader, const FamilyKeys& keys, ModelConfig& config) {
  if (keys.eps != nullptr) config.norm_eps = reader.number(keys.eps, keys.usual_eps);
  config.tied_embeddings = reader.boolean("tie_word_embeddings", keys.usual_tied);
  if (keys.dropout != nullptr) config.dropout = reader.number(keys.dropout, keys.usual_dropout);
  config.activation = read_activation(reader, keys.activation, keys);
  if (keys.head_activation != nullptr) config.head_activation = read_activation(reader, keys.head_activation, keys);
  // BERT's own head has the activation of its layers, RoBERTa's always GELU.
  if (config.family == Family::bert) config.head_activation = config.activation;
  for (const FlagKey& flag : keys.flags) {
    const bool value = reader.boolean(flag.name, flag.otherwise);
    for (bool ModelConfig::*member : flag.members) {
      if (member != nullptr) config.*member = value;
    }
  }
  for (const NumberKey& number : keys.numbers) {
    // Null switches a cap off; absent, the class has its default.
    const bool absent = reader.find(number.name) == nullptr;
    if (!reader.present(number.name) && !(absent && number.otherwise)) continue;
    const double value = reader.number(number.name, number.otherwise.value_or(0));
    if (!(value > 0)) reader.refuse_value(number.name, "a number above 0");
    config.*number.member = number.meaning == Meaning::inverse        ? 1 / value
                            : number.meaning == Meaning::inverse_root ? 1 / std::sqrt(value)
                                                                      : value;
  }
  if (keys.scales_embeddings) config.embedding_scale = std::sqrt(static_cast<double>(config.channels));
}

/// Returns whether each layer is said to see a window only, by layer_types; nothing if that is not there.
std::optional<std::vector<bool>> read_layer_types(const ConfigReader& reader, std::int64_t layers) {
  if (!reader.present("layer_types")) return std::nullopt;
  const JsonValue::Array* types = reader.find("layer_types")->if_array();
  if (types == nullptr || static_cast<std::int64_t>(types->size()) != layers)
    reader.refuse_value("layer_types", "a list with one entry for each of " + std::to_string(layers) + " layers");
  std::vector<bool> windowed;
  for (const JsonValue& type : *types) {
    const std::string* name = type.if_string();
    if (name == nullptr || (*name != "full_attention" && *name != "sliding_attention"))
      reader.refuse("layer_types", "'full_attention' and 'sliding_attention'");
    windowed.push_back(*name == "sliding_attention");
  }
  return windowed;
}

/// Returns which layers turn queries and keys.
std::vector<bool> read_rotated_layers(const ConfigReader& reader, const FamilyKeys& keys, std::int64_t layers) {
  std::vector<bool> rotated(static_cast<std::size_t>(layers), true);
  if (!keys.skips_rotations) return rotated;
  const std::int64_t interval = reader.integer("no_rope_layer_interval", 4);
  if (interval < 1) reader.refuse_value("no_rope_layer_interval", "a number above 0");
  for (std::size_t i = 0; i < rotated.size(); ++i) rotated[i] = (static_cast<std::int64_t>(i) + 1) % interval != 0;
  if (!reader.present("no_rope_layers")) return rotated;
  const JsonValue::Array* list = reader.find("no_rope_layers")->if_array();
  if (list == nullptr || list->size() != rotated.size())
    reader.refuse_value("no_rope_layers", "a list of 0 and 1, one for each of " + std::to_string(layers) + " layers");
  for (std::size_t i = 0; i < rotated.size(); ++i) rotated[i] = !is_falsy((*list)[i]);
  return rotated;
}

/// Returns whether each layer sees a window only.
std::vector<bool> read_windowed_layers(const ConfigReader& reader, const WindowKeys& keys,
                                       const std::vector<bool>& rotated) {
  const auto layers = static_cast<std::int64_t>(rotated.size());
  std::vector<bool> windowed(rotated.size(), keys.pattern == WindowPattern::all);
  const bool optional = keys.pattern == WindowPattern::beyond_first || keys.pattern == WindowPattern::unrotated;
  const std::int64_t first = keys.pattern == WindowPattern::beyond_first ? reader.integer("max_window_layers", 28) : 0;
  if (optional && !reader.boolean("use_sliding_window", false)) {
    // The class reads layer_types all the same, but has no window for them.
    if (const auto types = read_layer_types(reader, layers);
        types && std::find(types->begin(), types->end(), true) != types->end())
      reader.refuse("layer_types", "'sliding_attention' beside use_sliding_window true");
    return windowed;
  }
  if (keys.pattern == WindowPattern::none || (keys.pattern == WindowPattern::all && !keys.reads_types)) return windowed;
  if (const auto types = read_layer_types(reader, layers)) return *types;
  if (keys.pattern == WindowPattern::all) return windowed;
  const std::int64_t period = keys.period == nullptr ? keys.usual_period : reader.integer(keys.period, keys.usual_period);
  if (!optional && period < 1) reader.refuse_value(keys.period, "a number above 0");
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto at = static_cast<std::size_t>(i);
    switch (keys.pattern) {
      case WindowPattern::beyond_first:
        windowed[at] = i >= first;
        break;
      case WindowPattern::unrotated:
        windowed[at] = !rotated[at];
        break;
      case WindowPattern::all_but_last:
        windowed[at] = (i + 1) % period != 0;
        break;
      default:
        windowed[at] = i % period != 0;
        break;
    }
  }
  return windowed;
}

/// Returns the window of the layers that have one: 0 if they see everything all the same.
std::int64_t read_window(const ConfigReader& reader, const WindowKeys& keys, const std::vector<bool>& windowed) {
  if (keys.pattern == WindowPattern::none) return 0;
  const JsonValue* stated = reader.find(keys.size);
  // A property of the class has this name, and sets what is read otherwise.
  if (keys.half != nullptr && reader.find(keys.half) != nullptr) {
    const std::int64_t half = reader.integer(keys.half);
    if (half < 0 || half > kLargestSize) reader.refuse_value(keys.half, "a number of tokens");
    return half + 1;
  }
  if (std::find(windowed.begin(), windowed.end(), true) == windowed.end()) return 0;
  if (stated == nullptr ? !keys.otherwise : stated->is_null()) {
    // Then there is none, except that the classes want one for layers that are said to have it.
    const bool by_pattern = keys.pattern == WindowPattern::all_but_last || keys.pattern == WindowPattern::all_but_first;
    const bool by_types = reader.present("layer_types") && (keys.pattern != WindowPattern::all || keys.reads_types);
    if (by_pattern || by_types) reader.refuse_value(keys.size, "the window of the layers that have one");
    return 0;
  }
  const std::int64_t size = reader.integer(keys.size, keys.otherwise.value_or(0));
  if (size < (keys.both_ways ? 0 : 1) || size > kLargestSize) reader.refuse_value(keys.size, "a number of tokens");
  return keys.both_ways ? size / 2 + 1 : size;
}

void read_layers(const ConfigReader& reader, const FamilyKeys& keys, ModelConfig& config) {
  if (config.n_layers < 1 || config.n_layers > kMostLayers) return;  // check_config() says so
  const std::vector<bool> rotated = read_rotated_layers(reader, keys, config.n_layers);
  const std::vector<bool> windowed = read_windowed_layers(reader, keys.window, rotated);
  const std::int64_t window = read_window(reader, keys.window, windowed);
  std::vector<LayerShape> shapes(rotated.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (windowed[i]) shapes[i].window = window;
    if (config.positions == Positions::learned || !rotated[i]) {
      shapes[i].rotation = Rotation::none;
    } else if (windowed[i] && keys.rotation.local_theta != nullptr) {
      shapes[i].rotation = Rotation::local;
    }
    if (keys.first_layer_unnormed && i == 0) shapes[i].attention_norm = false;
  }
  const bool usual = std::all_of(shapes.begin(), shapes.end(), [&](LayerShape shape) {
    if (config.positions == Positions::learned) shape.rotation = Rotation::global;
    return shape == LayerShape();
  });
  if (!usual) config.layer_shapes = std::move(shapes);
}

std::string known_families() {
  std::string known;
  for (const std::string& word : choice_words<Family>()) known += (known.empty() ? "" : ", ") + word;
  return known;
}

/// Returns whether "auto_map" names the classes that folders of ours bring, which compute what this program does.
bool is_own_map(const JsonValue& json) {
  const JsonValue* map = json.find("auto_map");
  if (map == nullptr || map->if_object() == nullptr) return false;
  return std::all_of(map->if_object()->begin(), map->if_object()->end(), [](const JsonValue::Member& member) {
    const std::string* name = member.second.if_string();
    return name != nullptr && name->starts_with(std::string(kOwnModule) + ".");
  });
}

ModelConfig read_config(const ConfigReader& reader) {
  std::string type = reader.string("model_type", "");
  if (type.starts_with(kOwnModelType)) type.erase(0, std::string_view(kOwnModelType).size());
  const std::optional<Family> family = find_choice<Family>(type);
  if (!family) {
    throw Error("cannot use model type '" + type + "' of '" + std::string(reader.source()) + "'; known are " +
                known_families());
  }
  const FamilyKeys& keys = family_keys(*family);
  ModelConfig config = family_defaults(*family);
  read_sizes(reader, keys, config);
  read_features(reader, keys, config);
  read_rotations(reader, keys, config);
  read_layers(reader, keys, config);
  return config;
}

}  // namespace

ModelConfig config_from_hugging_face(const JsonValue& json, std::string_view source) {
  const ConfigReader reader(json, source);
  ModelConfig config = read_config(reader);
  check_expressible(reader, config.family);
  check_config(config, source);
  return config;
}

std::vector<std::string> hugging_face_notes(const JsonValue& json) {
  std::vector<std::string> notes;
  const ConfigReader reader(json, "config.json");
  const ModelConfig config = read_config(reader);
  for (const std::string& key : keys_ignored(reader, config)) {
    if (key == "auto_map" && is_own_map(json)) continue;
    notes.push_back("config.json sets '" + key + "', which the class of " + to_string(config.family) +
                    " models ignores, and so does this program");
  }
  return notes;
}

}  // namespace lm
