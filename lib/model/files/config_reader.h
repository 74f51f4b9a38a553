// ConfigReader: the keys of a config.json, read with defaults, noting which were asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"

namespace lm {

class ConfigReader {
 public:
  ConfigReader(const JsonValue& json, std::string_view source) : json_(json), source_(source) {}

  /// Returns whether a key is there and not null.
  bool present(const char* key) const;
  /// Returns the value of a key that is there, null included; else null.
  const JsonValue* find(const char* key) const;
  std::int64_t integer(const char* key) const;
  std::int64_t integer(const char* key, std::int64_t otherwise) const { return present(key) ? integer(key) : otherwise; }
  double number(const char* key, double otherwise) const;
  bool boolean(const char* key, bool otherwise) const;
  std::string string(const char* key, const char* otherwise) const;

  /// Throws Error: "cannot express 'KEY' (VALUE) of 'SOURCE'; ..." with what is known instead, or else with what to do: a
  /// feature that this program does not have.
  [[noreturn]] void refuse(const std::string& key, const std::string& known = "", const std::string& remedy = "") const;
  /// Throws Error: "'KEY' of 'SOURCE' is VALUE, expected EXPECTED": a value that no program could use.
  [[noreturn]] void refuse_value(const std::string& key, const std::string& expected) const;
  /// Returns whether a key was asked for.
  bool was_asked(std::string_view key) const { return asked_.contains(key); }

  const JsonValue& json() const { return json_; }
  std::string_view source() const { return source_; }

 private:
  const JsonValue& json_;
  std::string_view source_;
  mutable std::set<std::string, std::less<>> asked_;
};

/// Returns whether Python would take a value for false: null, 0, "", and what is empty.
bool is_falsy(const JsonValue& value);

}  // namespace lm
