// Values of Jinja: texts, whole numbers, booleans, lists and objects, and what can be computed of them. Functions throw Error "uses
// ..." for what is not known or too large.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace lm {

/// Nothing: undefined. Null is None.
using JinjaValue = std::optional<JsonValue>;

/// Throws Error "uses <what>".
[[noreturn]] void refuse_jinja(const std::string& what);

/// The variables, of which those of inner loops hide others.
class JinjaScopes {
 public:
  using Scope = std::map<std::string, JinjaValue, std::less<>>;
  void push(Scope scope) { scopes_.push_back(std::move(scope)); }
  void pop() { scopes_.pop_back(); }
  void set(const std::string& name, JinjaValue value) { scopes_.back()[name] = std::move(value); }
  /// Returns null if there is none of that name.
  JinjaValue* find(const std::string& name);

 private:
  std::vector<Scope> scopes_;
};

bool is_true(const JinjaValue& value);
/// Returns what "{{ }}" writes.
std::string jinja_text(const JinjaValue& value);
/// Returns a number; `what` needs one.
std::int64_t jinja_number(const JinjaValue& value, const std::string& what);
/// Return a value that is not too large.
JinjaValue bounded(std::int64_t number);
JinjaValue bounded(std::string text);

/// a sign b: "==", "!=", "<", ">", "<=", ">=" or "in".
bool compare_jinja(const JinjaValue& a, std::string_view sign, const JinjaValue& b);
/// Adds numbers, or joins texts.
JinjaValue add_jinja(const JinjaValue& a, const JinjaValue& b);

/// value.name and value['name']; undefined if there is none.
JinjaValue jinja_member(const JinjaValue& value, const std::string& name);
/// value[index]
JinjaValue jinja_item(const JinjaValue& value, const JinjaValue& index);
/// value[begin:end] and value[::-1]
JinjaValue jinja_slice(const JinjaValue& value, const JinjaValue& begin, const JinjaValue& end, const JinjaValue& step);
/// value.name(arguments)
JinjaValue call_method(const JinjaValue& value, const std::string& name, const std::vector<JinjaValue>& arguments);
/// value | name
JinjaValue apply_filter(const JinjaValue& value, const std::string& name);
/// value is name
bool passes_test(const JinjaValue& value, const std::string& name);

}  // namespace lm
