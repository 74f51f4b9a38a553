#include "model/files/rotation_reader.h"

#include <cmath>

#include "base/error.h"

namespace lm {

namespace {

/// The parameters of one rotation: an object of its own, and what stands outside it.
class RopeParameters {
 public:
  RopeParameters(const ConfigReader& reader, const char* key, const JsonValue* object)
      : reader_(reader), key_(key), object_(object) {}

  bool present(const char* name) const {
    const JsonValue* value = object_ == nullptr ? nullptr : object_->find(name);
    return value != nullptr && !value->is_null();
  }
  double number(const char* name, double otherwise) const {
    return present(name) ? object_->number_at(name, reader_.source()) : otherwise;
  }
  double number(const char* name) const {
    if (!present(name)) refuse(std::string("needs '") + name + "'");
    return object_->number_at(name, reader_.source());
  }
  std::int64_t integer(const char* name, std::int64_t otherwise) const {
    return present(name) ? object_->integer_at(name, reader_.source()) : otherwise;
  }
  /// Returns whether Python would take a value for true.
  bool truth(const char* name, bool otherwise) const {
    const JsonValue* value = object_ == nullptr ? nullptr : object_->find(name);
    return value == nullptr ? otherwise : !is_falsy(*value);
  }
  /// Returns the type's name: of rope_type, else of the older name.
  std::string type() const {
    for (const char* name : {"rope_type", "type"}) {
      if (!present(name)) continue;
      return object_->string_at(name, reader_.source());
    }
    return "default";
  }
  std::vector<double> factors(const char* name) const {
    std::vector<double> numbers;
    const JsonValue::Array* array =
        object_ == nullptr || object_->find(name) == nullptr ? nullptr : object_->find(name)->if_array();
    if (array == nullptr) refuse(std::string("needs a list '") + name + "'");
    for (const JsonValue& value : *array) {
      if (!value.to_double(numbers.emplace_back())) refuse(std::string("has no numbers in '") + name + "'");
    }
    return numbers;
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(std::string("'") + key_ + "' of '" + std::string(reader_.source()) + "' " + why);
  }

 private:
  const ConfigReader& reader_;
  const char* key_;
  const JsonValue* object_;
};

double yarn_attention_factor(const RopeParameters& parameters, double factor) {
  if (parameters.present("attention_factor")) return parameters.number("attention_factor");
  const auto scale = [&](double by) { return factor <= 1 ? 1.0 : 0.1 * by * std::log(factor) + 1.0; };
  const double all = parameters.number("mscale_all_dim", 0), by = parameters.number("mscale", 0);
  return all != 0 && by != 0 ? scale(by) / scale(all) : scale(1);
}

double longrope_attention_factor(const RopeParameters& parameters, double factor, double original) {
  if (parameters.present("attention_factor")) return parameters.number("attention_factor");
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
}

RotaryScaling scaling_of(const ConfigReader& reader, const char* key, const RopeParameters& parameters, bool long_names) {
  std::string type = parameters.type();
  if (long_names && (type == "su" || type == "yarn")) type = "longrope";  // older names of Phi-3's
  const std::optional<RotaryScaling> scaling = find_choice<RotaryScaling>(type);
  if (!scaling) reader.refuse(key, choice_list<RotaryScaling>());
  // A factor without a type asks for a scaling that an older program knew.
  if (*scaling == RotaryScaling::none && !parameters.present("rope_type") && !parameters.present("type") &&
      parameters.present("factor")) {
    reader.refuse(key, choice_list<RotaryScaling>());
  }
  return *scaling;
}

/// Reads a rotation's scaling, whose theta is known.
void read_scaling(const ConfigReader& reader, const FamilyKeys& keys, const char* key, const RopeParameters& parameters,
                  const ModelConfig& config, Rotary& rotary) {
  rotary.scaling = scaling_of(reader, key, parameters, keys.root_original_context);
  if (rotary.scaling == RotaryScaling::none) return;
  const double partial = parameters.number("partial_rotary_factor", 1);
  if (keys.rotation.partial == nullptr && partial != 1) reader.refuse(key);
  std::int64_t original = parameters.integer("original_max_position_embeddings", config.context_length);
  if (keys.root_original_context) original = reader.integer("original_max_position_embeddings", 4096);
  const double by_lengths = static_cast<double>(config.context_length) / static_cast<double>(original);
  switch (rotary.scaling) {
    case RotaryScaling::none:
      return;
    case RotaryScaling::linear:
    case RotaryScaling::dynamic:
      rotary.factor = parameters.number("factor");
      return;
    case RotaryScaling::llama3:
      rotary.original_context = original;
      rotary.factor = parameters.number("factor");
      rotary.low_frequency = parameters.number("low_freq_factor");
      rotary.high_frequency = parameters.number("high_freq_factor");
      return;
    case RotaryScaling::yarn: {
      rotary.original_context = original;
      rotary.factor = parameters.number("factor", by_lengths);
      rotary.attention_factor = yarn_attention_factor(parameters, rotary.factor);
      const double fast = parameters.number("beta_fast", 0), slow = parameters.number("beta_slow", 0);
      if (fast != 0) rotary.fast_turns = fast;
      if (slow != 0) rotary.slow_turns = slow;
      rotary.whole_bounds = parameters.truth("truncate", true);
      return;
    }
    case RotaryScaling::longrope:
      rotary.original_context = original;
      rotary.short_factors = parameters.factors("short_factor");
      rotary.long_factors = parameters.factors("long_factor");
      rotary.attention_factor =
          longrope_attention_factor(parameters, parameters.number("factor", by_lengths), static_cast<double>(original));
      return;
  }
}

void read_partial(const ConfigReader& reader, const FamilyKeys& keys, const RopeParameters& parameters,
                  ModelConfig& config) {
  if (keys.rotation.partial == nullptr) return;
  const double outside = reader.number(keys.rotation.partial, keys.rotation.usual_partial);
  const double part = parameters.number("partial_rotary_factor", outside);
  if (!(part > 0 && part <= 1)) reader.refuse(keys.rotation.partial);
  const auto turned = static_cast<std::int64_t>(static_cast<double>(config.head_dim) * part);
  if (turned < 2) reader.refuse(keys.rotation.partial);
  config.rotary_dim = turned == config.head_dim ? 0 : turned;
}

}  // namespace

const JsonValue* find_rope(const ConfigReader& reader, const char*& key) {
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    const JsonValue* rope = reader.find(name);
    if (rope == nullptr || is_falsy(*rope)) continue;
    key = name;
    return rope;
  }
  return nullptr;
}

void read_rotations(const ConfigReader& reader, const FamilyKeys& keys, ModelConfig& config) {
  const RotationKeys& names = keys.rotation;
  if (names.theta == nullptr) return;
  const char* key = names.theta;
  const JsonValue* rope = find_rope(reader, key);
  if (rope != nullptr && rope->if_object() == nullptr) reader.refuse(key);
  const bool by_kind =
      rope != nullptr && (rope->find("full_attention") != nullptr || rope->find("sliding_attention") != nullptr);
  if (by_kind && names.local_theta == nullptr) reader.refuse(key, "one rotation for all layers of this family");
  const double theta = reader.number(names.theta, names.usual_theta);
  if (names.local_theta == nullptr) {
    const RopeParameters parameters(reader, key, rope);
    config.rotary.theta = parameters.number("rope_theta", theta);
    read_partial(reader, keys, parameters, config);
    read_scaling(reader, keys, key, parameters, config, config.rotary);
    return;
  }
  // Before transformers 5 rope_scaling was that of the layers that see everything.
  const auto of_kind = [&](const char* kind) -> const JsonValue* {
    if (rope == nullptr) return nullptr;
    if (by_kind) return rope->find(kind) == nullptr || rope->find(kind)->is_null() ? nullptr : rope->find(kind);
    const bool both = keys.window.both_ways;
    return std::string_view(kind) == "full_attention" || both ? rope : nullptr;
  };
  const RopeParameters full(reader, key, of_kind("full_attention")), local(reader, key, of_kind("sliding_attention"));
  config.rotary.theta = full.number("rope_theta", theta);
  read_scaling(reader, keys, key, full, config, config.rotary);
  config.local_rotary.theta = local.number("rope_theta", reader.number(names.local_theta, names.usual_local_theta));
  read_scaling(reader, keys, key, local, config, config.local_rotary);
}

}  // namespace lm
