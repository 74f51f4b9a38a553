#include "model/files/config_reader.h"

#include "base/error.h"

namespace lm {

const JsonValue* ConfigReader::find(const char* key) const {
  asked_.emplace(key);
  return json_.find(key);
}

bool ConfigReader::present(const char* key) const {
  const JsonValue* value = find(key);
  return value != nullptr && !value->is_null();
}

std::int64_t ConfigReader::integer(const char* key) const {
  find(key);
  return json_.integer_at(key, source_);
}

double ConfigReader::number(const char* key, double otherwise) const {
  return present(key) ? json_.number_at(key, source_) : otherwise;
}

bool ConfigReader::boolean(const char* key, bool otherwise) const {
  return present(key) ? json_.boolean_at(key, source_) : otherwise;
}

std::string ConfigReader::string(const char* key, const char* otherwise) const {
  return present(key) ? json_.string_at(key, source_) : otherwise;
}

void ConfigReader::refuse(const std::string& key, const std::string& known, const std::string& remedy) const {
  const JsonValue* value = json_.find(key);
  const std::string shown = value == nullptr ? "" : " (" + value->dump().substr(0, 100) + ")";
  const std::string todo = remedy.empty() ? "a model of this family is supported only without it" : remedy;
  throw Error("cannot express '" + key + "'" + shown + " of '" + std::string(source_) + "'; " +
              (known.empty() ? todo : "known are " + known));
}

void ConfigReader::refuse_value(const std::string& key, const std::string& expected) const {
  const JsonValue* value = json_.find(key);
  throw Error("'" + key + "' of '" + std::string(source_) + "' is " +
              (value == nullptr ? "absent" : value->dump().substr(0, 100)) + ", expected " + expected);
}

bool is_falsy(const JsonValue& value) {
  double number = 0;
  if (value.to_double(number)) return number == 0;
  if (const bool* truth = value.if_bool()) return !*truth;
  if (const std::string* text = value.if_string()) return text->empty();
  if (const JsonValue::Array* array = value.if_array()) return array->empty();
  const JsonValue::Object* object = value.if_object();
  return object == nullptr || object->empty();
}

}  // namespace lm
