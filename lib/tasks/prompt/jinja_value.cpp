#include "tasks/prompt/jinja_value.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tasks/prompt/conversation.h"

namespace lm {
namespace {

constexpr std::size_t kMaximumText = std::size_t{1} << 20;
constexpr std::int64_t kMaximumNumber = 1'000'000'000;

const std::string* string_in(const JinjaValue& value) { return value ? value->if_string() : nullptr; }
const JsonValue::Array* array_in(const JinjaValue& value) { return value ? value->if_array() : nullptr; }

const std::string& string_of(const JinjaValue& value, const std::string& what) {
  if (string_in(value) == nullptr) refuse_jinja(what + " of what is no text");
  return *string_in(value);
}

bool are_equal(const JinjaValue& a, const JinjaValue& b) {
  if (!a || !b) return !a && !b;
  if (a->is_null() || b->is_null()) return a->is_null() && b->is_null();
  if (a->if_string() != nullptr && b->if_string() != nullptr) return *a->if_string() == *b->if_string();
  if (a->if_bool() != nullptr && b->if_bool() != nullptr) return *a->if_bool() == *b->if_bool();
  if (a->if_integer() != nullptr && b->if_integer() != nullptr) return *a->if_integer() == *b->if_integer();
  if (a->if_string() == nullptr && b->if_string() == nullptr) refuse_jinja("a comparison of values of other types");
  return false;
}

bool is_in(const JinjaValue& part, const JinjaValue& whole) {
  if (!whole) return false;
  if (const JsonValue::Array* array = whole->if_array())
    return std::any_of(array->begin(), array->end(), [&](const JsonValue& each) { return are_equal(part, each); });
  const std::string& text = string_of(part, "in");
  if (whole->if_object() != nullptr) return whole->find(text) != nullptr;
  return string_of(whole, "in").find(text) != std::string::npos;
}

JinjaValue length(const JinjaValue& value) {
  if (const JsonValue::Array* array = array_in(value)) return JsonValue(static_cast<std::int64_t>(array->size()));
  refuse_jinja("the length of what is no list");
}

std::string stripped(std::string_view text, std::string_view method, const std::vector<JinjaValue>& arguments) {
  if (arguments.size() > 1) refuse_jinja("." + std::string(method) + "() with several arguments");
  const bool left = method != "rstrip", right = method != "lstrip";
  if (arguments.empty()) return std::string(without_white_space(text, left, right));
  const std::string& characters = string_of(arguments[0], "." + std::string(method) + "()");
  if (std::any_of(characters.begin(), characters.end(), [](char c) { return (c & 0x80) != 0; }))
    refuse_jinja("." + std::string(method) + "() with other characters than ASCII");
  if (left) text.remove_prefix(std::min(text.size(), text.find_first_not_of(characters)));
  if (right) text = text.substr(0, text.find_last_not_of(characters) + 1);
  return std::string(text);
}

JinjaValue split(std::string_view text, const std::string& separator) {
  if (separator.empty()) refuse_jinja(".split() at nothing");
  JsonValue::Array parts;
  std::size_t begin = 0;
  for (std::size_t at = text.find(separator); at != text.npos; at = text.find(separator, begin)) {
    parts.emplace_back(text.substr(begin, at - begin));
    begin = at + separator.size();
  }
  parts.emplace_back(text.substr(begin));
  return JsonValue(std::move(parts));
}

}  // namespace

void refuse_jinja(const std::string& what) { throw Error("uses " + what); }

JinjaValue* JinjaScopes::find(const std::string& name) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->find(name); found != scope->end()) return &found->second;
  }
  return nullptr;
}

bool is_true(const JinjaValue& value) {
  if (!value || value->is_null()) return false;
  if (value->if_bool() != nullptr) return *value->if_bool();
  if (value->if_integer() != nullptr) return *value->if_integer() != 0;
  if (value->if_string() != nullptr) return !value->if_string()->empty();
  return value->if_array() != nullptr ? !value->if_array()->empty() : !value->if_object()->empty();
}

std::string jinja_text(const JinjaValue& value) {
  if (!value) return {};
  if (value->if_string() != nullptr) return *value->if_string();
  if (value->if_integer() != nullptr) return std::to_string(*value->if_integer());
  refuse_jinja("what is no text as one");
}

std::int64_t jinja_number(const JinjaValue& value, const std::string& what) {
  if (!value || value->if_integer() == nullptr) refuse_jinja(what + " of what is no number");
  return *value->if_integer();
}

JinjaValue bounded(std::int64_t number) {
  if (number > kMaximumNumber || number < -kMaximumNumber) refuse_jinja("a large number");
  return JsonValue(number);
}

JinjaValue bounded(std::string text) {
  if (text.size() > kMaximumText) refuse_jinja("a long text");
  return JsonValue(std::move(text));
}

bool compare_jinja(const JinjaValue& a, std::string_view sign, const JinjaValue& b) {
  if (sign == "in") return is_in(a, b);
  if (sign == "==" || sign == "!=") return are_equal(a, b) == (sign == "==");
  const std::int64_t left = jinja_number(a, std::string(sign)), right = jinja_number(b, std::string(sign));
  return sign == "<" ? left < right : sign == ">" ? left > right : sign == "<=" ? left <= right : left >= right;
}

JinjaValue add_jinja(const JinjaValue& a, const JinjaValue& b) {
  if (string_in(a) != nullptr) return bounded(*string_in(a) + string_of(b, "+"));
  const std::int64_t number = jinja_number(b, "+");
  return bounded(jinja_number(a, "+") + number);
}

JinjaValue jinja_member(const JinjaValue& value, const std::string& name) {
  if (!value) refuse_jinja("." + name + " of what is not there");
  const JsonValue* found = value->find(name);
  return found != nullptr ? JinjaValue(*found) : std::nullopt;
}

JinjaValue jinja_item(const JinjaValue& value, const JinjaValue& index) {
  if (string_in(index) != nullptr) return jinja_member(value, *string_in(index));
  const JsonValue::Array* array = array_in(value);
  if (array == nullptr) refuse_jinja("an index into what is no list");
  const std::int64_t size = std::ssize(*array), number = jinja_number(index, "an index");
  const std::int64_t place = number < 0 ? number + size : number;
  return place >= 0 && place < size ? JinjaValue((*array)[static_cast<std::size_t>(place)]) : std::nullopt;
}

JinjaValue jinja_slice(const JinjaValue& value, const JinjaValue& begin, const JinjaValue& end, const JinjaValue& step) {
  const JsonValue::Array* array = array_in(value);
  if (array == nullptr) refuse_jinja("a slice of what is no list");
  JsonValue::Array result = *array;
  if (step) {
    if (jinja_number(step, "a step") != -1 || begin || end) refuse_jinja("a slice with a step");
    std::reverse(result.begin(), result.end());
    return JsonValue(std::move(result));
  }
  const std::int64_t size = std::ssize(*array);
  const auto place = [&](const JinjaValue& bound, std::int64_t other) {
    const std::int64_t number = bound ? jinja_number(bound, "a slice") : other;
    return std::clamp<std::int64_t>(number < 0 ? number + size : number, 0, size);
  };
  const std::int64_t first = place(begin, 0), last = std::max(first, place(end, size));
  return JsonValue(JsonValue::Array(array->begin() + first, array->begin() + last));
}

JinjaValue call_method(const JinjaValue& value, const std::string& name, const std::vector<JinjaValue>& arguments) {
  const std::string what = "." + name + "()";
  if (name == "strip" || name == "lstrip" || name == "rstrip")
    return JsonValue(stripped(string_of(value, what), name, arguments));
  if (arguments.size() != 1 || string_in(arguments[0]) == nullptr) refuse_jinja(what);
  const std::string& argument = *string_in(arguments[0]);
  if (name == "get")
    return value && value->find(argument) == nullptr ? JinjaValue(JsonValue()) : jinja_member(value, argument);
  if (name == "split") return split(string_of(value, what), argument);
  if (name == "startswith") return JsonValue(string_of(value, what).starts_with(argument));
  if (name == "endswith") return JsonValue(string_of(value, what).ends_with(argument));
  refuse_jinja(what);
}

JinjaValue apply_filter(const JinjaValue& value, const std::string& name) {
  if (name == "trim") return JsonValue(without_white_space(string_of(value, "| trim"), true, true));
  if (name == "length" || name == "count") return length(value);
  refuse_jinja("| " + name);
}

bool passes_test(const JinjaValue& value, const std::string& name) {
  if (name == "defined" || name == "undefined") return value.has_value() == (name == "defined");
  if (name == "none") return value && value->is_null();
  if (name == "string") return string_in(value) != nullptr;
  if (name == "mapping") return value && value->if_object() != nullptr;
  if (name == "true" || name == "false")
    return value && value->if_bool() != nullptr && *value->if_bool() == (name == "true");
  refuse_jinja("is " + name);
}

}  // namespace lm
