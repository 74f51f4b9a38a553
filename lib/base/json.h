// JSON, read by events or into a small bounded tree, and written. Behind it: nlohmann-json, used only in json.cpp.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lm {

/// Receives a document's events in order. Throws Error to refuse the document.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void real(double value) = 0;
  /// An integer beyond int64: its digits, and the nearest double, which is what most want of it.
  virtual void large_integer(std::string_view digits, double value) { static_cast<void>(digits), real(value); }
  virtual void string(std::string_view value) = 0;
  virtual void key(std::string_view value) = 0;
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};

/// Takes any document, and keeps nothing of it.
class AnyJson : public JsonHandler {
 public:
  void null() override {}
  void boolean(bool) override {}
  void integer(std::int64_t) override {}
  void real(double) override {}
  void string(std::string_view) override {}
  void key(std::string_view) override {}
  void begin_object() override {}
  void end_object() override {}
  void begin_array() override {}
  void end_array() override {}
};

/// Reads one document: UTF-8, nesting of at most 16, nothing after it. Throws Error naming `source` and the byte offset.
/// Refusing duplicate keys is the handler's task (JsonValue::parse() does it).
void parse_json_events(std::string_view text, std::string_view source, JsonHandler& handler);

/// A value as some JSON text has it, written without a change. So are integers beyond int64.
struct JsonText {
  std::string text;
};

/// A document as a tree, for small ones: configuration, metadata, a line of JSONL.
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Member = std::pair<std::string, JsonValue>;
  using Object = std::vector<Member>;  // in file order, keys unique

  JsonValue() = default;
  JsonValue(bool value) : value_(value) {}
  JsonValue(std::int64_t value) : value_(value) {}
  JsonValue(int value) : value_(std::int64_t{value}) {}
  JsonValue(double value) : value_(value) {}
  JsonValue(std::string value) : value_(std::move(value)) {}
  JsonValue(std::string_view value) : value_(std::string(value)) {}
  JsonValue(const char* value) : value_(std::string(value)) {}
  JsonValue(Array value) : value_(std::move(value)) {}
  JsonValue(Object value) : value_(std::move(value)) {}
  JsonValue(JsonText value) : value_(std::move(value)) {}

  /// Refuses duplicate keys, and documents whose tree would take more than text.size() + 8 MiB.
  static JsonValue parse(std::string_view text, std::string_view source);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  const bool* if_bool() const { return std::get_if<bool>(&value_); }
  const std::int64_t* if_integer() const { return std::get_if<std::int64_t>(&value_); }
  const std::string* if_string() const { return std::get_if<std::string>(&value_); }
  const Array* if_array() const { return std::get_if<Array>(&value_); }
  const Object* if_object() const { return std::get_if<Object>(&value_); }
  const JsonText* if_text() const { return std::get_if<JsonText>(&value_); }

  /// Returns the member of that name, or null; null too if this is no object.
  const JsonValue* find(std::string_view key) const;
  /// Return a member of the type, or throw Error: "expected <type> for '<key>' in '<source>'".
  std::int64_t integer_at(std::string_view key, std::string_view source) const;
  double number_at(std::string_view key, std::string_view source) const;
  bool boolean_at(std::string_view key, std::string_view source) const;
  const std::string& string_at(std::string_view key, std::string_view source) const;
  /// Gives a number of either kind as double; returns false if this is no number.
  bool to_double(double& number) const;

  /// Appends (or replaces) a member of an object; turns null into an object.
  JsonValue& set(std::string_view key, JsonValue value);

  /// Returns the shortest form that reads back to the same value; doubles with 17 digits at most, non-finite ones as null.
  /// Strings that are not UTF-8 have U+FFFD for each maximal invalid part. indent < 0: one line.
  std::string dump(int indent = -1) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object, JsonText> value_;
};

/// Return the string of that name in an object, empty if there is none; the boolean, if there is one; and whether there is a true
/// one.
std::string_view json_string_in(const JsonValue& value, std::string_view key);
std::optional<bool> json_bool_in(const JsonValue& value, std::string_view key);
inline bool json_is_set(const JsonValue& value, std::string_view key) { return json_bool_in(value, key) == true; }

/// Returns `text` quoted and escaped as a JSON string, U+FFFD for what is not UTF-8.
std::string json_quote(std::string_view text);

}  // namespace lm
