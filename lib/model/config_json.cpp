// lm.config: a model's shape as JSON.
#include <set>

#include "base/error.h"
#include "model/config_fields.h"
#include "model/families.h"

namespace lm {

namespace {

JsonValue to_json(bool value) { return value; }
JsonValue to_json(std::int64_t value) { return value; }
JsonValue to_json(double value) { return value; }
template <HasChoices E>
JsonValue to_json(E value) {
  return to_string(value);
}
JsonValue to_json(const std::vector<double>& values) {
  JsonValue::Array array;
  for (const double value : values) array.emplace_back(value);
  return array;
}

JsonValue to_json(const Rotary& rotary);
JsonValue to_json(const std::vector<LayerShape>& layers);

/// Writes the members of `value` that differ from those of `usual`.
template <class Value, class VisitFields>
JsonValue changed_members(const Value& value, const Value& usual, VisitFields visit_fields) {
  JsonValue json{JsonValue::Object()};
  // Both are visited in the same order: the first pass notes which fields differ.
  std::vector<const void*> usual_fields;
  visit_fields(usual, [&](const char*, const auto& field) { usual_fields.push_back(&field); });
  std::size_t number = 0;
  visit_fields(value, [&](const char* name, const auto& field) {
    using Field = std::decay_t<decltype(field)>;
    if (field != *static_cast<const Field*>(usual_fields[number++])) json.set(name, to_json(field));
  });
  return json;
}

JsonValue to_json(const Rotary& rotary) {
  return changed_members(rotary, Rotary(), [](const auto& value, auto&& visit) { visit_rotary(value, visit); });
}
JsonValue to_json(const std::vector<LayerShape>& layers) {
  JsonValue::Array array;
  for (const LayerShape& layer : layers) {
    array.push_back(
        changed_members(layer, LayerShape(), [](const auto& value, auto&& visit) { visit_layer_shape(value, visit); }));
  }
  return array;
}

/// Where a value is, for what is wrong with it.
struct Place {
  const JsonValue& object;
  const char* key;
  std::string_view source;

  const JsonValue& value() const { return *object.find(key); }
  [[noreturn]] void refuse() const {
    throw Error(std::string("wrong '") + key + "' in the model configuration of '" + std::string(source) + "'");
  }
};

void read(const Place& at, bool& value) { value = at.object.boolean_at(at.key, at.source); }
void read(const Place& at, std::int64_t& value) { value = at.object.integer_at(at.key, at.source); }
void read(const Place& at, double& value) { value = at.object.number_at(at.key, at.source); }
template <HasChoices E>
void read(const Place& at, E& value) {
  value = parse_choice<E>(at.object.string_at(at.key, at.source));
}
void read(const Place& at, std::vector<double>& values) {
  const JsonValue::Array* array = at.value().if_array();
  if (array == nullptr) at.refuse();
  for (const JsonValue& element : *array) {
    if (!element.to_double(values.emplace_back())) at.refuse();
  }
}

/// Reads the members that there are into `value`. Throws Error for unknown ones.
template <class Value, class VisitFields>
void read_members(const JsonValue& json, Value& value, std::string_view source, VisitFields visit_fields);

void read(const Place& at, Rotary& rotary) {
  read_members(at.value(), rotary, at.source, [](auto& value, auto&& visit) { visit_rotary(value, visit); });
}
void read(const Place& at, std::vector<LayerShape>& layers) {
  const JsonValue::Array* array = at.value().if_array();
  if (array == nullptr) at.refuse();
  for (const JsonValue& element : *array) {
    read_members(element, layers.emplace_back(), at.source,
                 [](auto& value, auto&& visit) { visit_layer_shape(value, visit); });
  }
}

template <class Value, class VisitFields>
void read_members(const JsonValue& json, Value& value, std::string_view source, VisitFields visit_fields) {
  std::size_t known = 0;
  visit_fields(value, [&](const char* name, auto& field) {
    if (json.find(name) == nullptr) return;
    ++known;
    read(Place{json, name, source}, field);
  });
  const JsonValue::Object* members = json.if_object();
  if (members == nullptr || members->size() != known)
    throw Error("unknown keys in the model configuration of '" + std::string(source) + "'");
}

}  // namespace

JsonValue config_to_json(const ModelConfig& config) {
  JsonValue json;
  json.set("family", to_string(config.family));
  visit_sizes(config, [&](const char* name, std::int64_t value) { json.set(name, value); });
  json.set("tied", config.tied_embeddings);
  json.set("norm_eps", config.norm_eps);
  json.set("rope_theta", config.rotary.theta);
  json.set("dropout", config.dropout);
  ModelConfig usual = family_defaults(config.family);
  usual.rotary.theta = config.rotary.theta;
  JsonValue features = changed_members(config, usual, [](const auto& value, auto&& visit) { visit_features(value, visit); });
  if (!features.if_object()->empty()) json.set("features", std::move(features));
  return json;
}

ModelConfig config_from_json(const JsonValue& json, std::string_view source) {
  ModelConfig config = family_defaults(parse_choice<Family>(json.string_at("family", source)));
  std::size_t known = 5;
  visit_sizes(config, [&](const char* name, std::int64_t& value) {
    value = json.integer_at(name, source);
    ++known;
  });
  config.tied_embeddings = json.boolean_at("tied", source);
  config.norm_eps = json.number_at("norm_eps", source);
  config.dropout = json.number_at("dropout", source);
  if (const JsonValue* features = json.find("features")) {
    ++known;
    read_members(*features, config, source, [](auto& value, auto&& visit) { visit_features(value, visit); });
  }
  config.rotary.theta = json.number_at("rope_theta", source);
  if (json.if_object()->size() != known)
    throw Error("unknown or missing keys in the model configuration of '" + std::string(source) + "'");
  check_config(config, source);
  return config;
}

}  // namespace lm
