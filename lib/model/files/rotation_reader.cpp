#include "model/files/rotation_reader.h"

#include <cmath>

#include "base/error.h"

namespace lm {

namespace {

/// The parameters of one rotation: an object of its own, and what stands outside it.
class RopeParameters {
 public:
  /// outer: the object that this one is a member of, if any.
  RopeParameters(const ConfigReader& reader, const char* key, const JsonValue* object, const JsonValue* outer = nullptr)
      : reader_(reader), key_(key), object_(object), outer_(outer) {}

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
  bool is_nested() const { return outer_ != nullptr; }
  /// Returns whether yarn's bounds are rounded, which the classes look up outside of nested parameters.
  bool truncates() const {
    const JsonValue* object = is_nested() ? outer_ : object_;
    const JsonValue* value = object == nullptr ? nullptr : object->find("truncate");
    return value == nullptr || !is_falsy(*value);
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
  const JsonValue* outer_;
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

/// Returns the context before scaling: as the classes have it, a key outside the parameters is believed before one of theirs,
/// unless they are nested.
std::int64_t original_context(const ConfigReader& reader, const FamilyKeys& keys, const RopeParameters& parameters,
                              const ModelConfig& config) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const bool outside = !parameters.is_nested() && reader.find(kKey) != nullptr;
  std::int64_t original = 0;
  if (outside) {
    original = reader.integer(kKey);
  } else {
    original = keys.root_original_context ? 4096 : parameters.integer(kKey, config.context_length);
  }
  if (original < 1 || original > kLargestSize) {
    if (outside) reader.refuse_value(kKey, "a number of tokens");
    parameters.refuse(std::string("needs a number of tokens as '") + kKey + "'");
  }
  return original;
}

/// Reads a rotation's scaling, whose theta is known.
void read_scaling(const ConfigReader& reader, const FamilyKeys& keys, const char* key, const RopeParameters& parameters,
                  const ModelConfig& config, Rotary& rotary) {
  rotary.scaling = scaling_of(reader, key, parameters, keys.root_original_context);
  if (rotary.scaling == RotaryScaling::none) return;
  const double partial = parameters.number("partial_rotary_factor", 1);
  if (keys.rotation.partial == nullptr && partial != 1) reader.refuse(key);
  const std::int64_t original = original_context(reader, keys, parameters, config);
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
      rotary.whole_bounds = parameters.truncates();
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
  const auto turned = static_cast<std::int64_t>(static_cast<double>(config.head_dim) * part);
  if (!(part <= 1) || turned < 2)
    parameters.refuse("has no fraction of " + std::to_string(config.head_dim) +
                      " channels that could turn: " + JsonValue(part).dump());
  config.rotary_dim = turned == config.head_dim ? 0 : turned;
}

constexpr std::string_view kFull = "full_attention";
constexpr std::string_view kSliding = "sliding_attention";

bool is_by_kind(const JsonValue& rope) { return rope.find(kFull) != nullptr || rope.find(kSliding) != nullptr; }

/// The parameters of a family with two rotations, as its class merges them.
struct NestedRope {
  const char* key;        // by which messages call them
  JsonValue outer;        // rope_parameters
  JsonValue full, local;  // of layers that see everything, and of those that see a window
};

/// Returns the parameters of a kind of layer in rope_parameters, or those of a class if there are none.
JsonValue nested_parameters(const ConfigReader& reader, const JsonValue& outer, std::string_view kind) {
  const JsonValue* found = outer.find(kind);
  if (found == nullptr || found->is_null()) return JsonValue().set("rope_type", "default");
  if (found->if_object() == nullptr) reader.refuse_value("rope_parameters", "an object as '" + std::string(kind) + "'");
  return *found;
}

/// Reads rope_parameters by kind of layer, which rope_scaling changes: of full attention, or of both where `both_ways`.
NestedRope read_nested_rope(const ConfigReader& reader, const FamilyKeys& keys) {
  NestedRope rope{.key = "rope_parameters", .outer = JsonValue(JsonValue::Object()), .full = {}, .local = {}};
  const bool has_parameters = reader.present("rope_parameters");
  if (has_parameters) rope.outer = *reader.find("rope_parameters");
  const JsonValue::Object* members = rope.outer.if_object();
  if (members == nullptr) reader.refuse_value("rope_parameters", "an object");
  if (!members->empty() && !is_by_kind(rope.outer)) {
    reader.refuse("rope_parameters", "parameters by kind of layer, '" + std::string(kFull) + "' and '" +
                                         std::string(kSliding) + "': the class of this family ignores others");
  }
  rope.full = nested_parameters(reader, rope.outer, kFull);
  rope.local = nested_parameters(reader, rope.outer, kSliding);
  const JsonValue* scaling = reader.find("rope_scaling");
  if (scaling == nullptr || is_falsy(*scaling)) return rope;
  const bool both = keys.window.both_ways;
  if (scaling->if_object() == nullptr) reader.refuse_value("rope_scaling", "an object");
  if (is_by_kind(*scaling)) reader.refuse("rope_scaling", "one scaling; parameters by kind of layer are rope_parameters");
  for (const std::string_view kind : {kFull, kSliding}) {
    if (!has_parameters || (!both && kind == kSliding)) continue;
    if (rope.outer.find(kind) == nullptr || rope.outer.find(kind)->if_object() == nullptr)
      reader.refuse("rope_scaling", "it beside '" + std::string(kind) + "' of rope_parameters, which it changes");
  }
  rope.key = "rope_scaling";
  for (JsonValue* parameters : {&rope.full, &rope.local}) {
    if (parameters == &rope.local && !both) continue;
    // The older name of a type has no effect where there is a newer one.
    const bool typed = scaling->find("rope_type") != nullptr || parameters->find("rope_type") == nullptr;
    if (!typed && (scaling->find("type") != nullptr || scaling->find("factor") != nullptr))
      reader.refuse("rope_scaling", "scalings with 'rope_type': the class of this family ignores 'type'");
    for (const auto& [name, value] : *scaling->if_object()) parameters->set(name, value);
  }
  return rope;
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
  const double theta = reader.number(names.theta, names.usual_theta);
  if (names.local_theta != nullptr) {
    const NestedRope rope = read_nested_rope(reader, keys);
    const RopeParameters full(reader, rope.key, &rope.full, &rope.outer);
    const RopeParameters local(reader, rope.key, &rope.local, &rope.outer);
    config.rotary.theta = full.number("rope_theta", theta);
    read_scaling(reader, keys, rope.key, full, config, config.rotary);
    config.local_rotary.theta = local.number("rope_theta", reader.number(names.local_theta, names.usual_local_theta));
    read_scaling(reader, keys, rope.key, local, config, config.local_rotary);
    return;
  }
  const char* key = names.theta;
  const JsonValue* rope = find_rope(reader, key);
  if (rope != nullptr && rope->if_object() == nullptr) reader.refuse_value(key, "an object");
  if (rope != nullptr && is_by_kind(*rope)) reader.refuse(key, "one rotation for all layers of this family");
  const RopeParameters parameters(reader, key, rope);
  config.rotary.theta = parameters.number("rope_theta", theta);
  read_partial(reader, keys, parameters, config);
  read_scaling(reader, keys, key, parameters, config, config.rotary);
}

}  // namespace lm
