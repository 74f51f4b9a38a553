#include "tasks/prompt/jinja_expression.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "tasks/prompt/conversation.h"

namespace lm {
namespace {

constexpr std::size_t kMaximumText = std::size_t{1} << 20;
constexpr std::int64_t kMaximumNumber = 1'000'000'000;
constexpr int kMaximumDepth = 200;

const std::string* string_in(const JinjaValue& value) { return value ? value->if_string() : nullptr; }
const JsonValue::Array* array_in(const JinjaValue& value) { return value ? value->if_array() : nullptr; }

const std::string& string_of(const JinjaValue& value, const std::string& what) {
  if (string_in(value) == nullptr) refuse_jinja(what + " of what is no text");
  return *string_in(value);
}

std::int64_t number_of(const JinjaValue& value, const std::string& what) {
  if (!value || value->if_integer() == nullptr) refuse_jinja(what + " of what is no number");
  return *value->if_integer();
}

JinjaValue checked(std::int64_t number) {
  if (number > kMaximumNumber || number < -kMaximumNumber) refuse_jinja("a large number");
  return JsonValue(number);
}

JinjaValue checked(std::string text) {
  if (text.size() > kMaximumText) refuse_jinja("a long text");
  return JsonValue(std::move(text));
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

JinjaValue member(const JinjaValue& value, const std::string& name) {
  if (!value) refuse_jinja("." + name + " of what is not there");
  const JsonValue* found = value->find(name);
  return found != nullptr ? JinjaValue(*found) : std::nullopt;
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

bool JinjaExpression::is(JinjaToken::Kind kind, const char* text) const {
  return at_ < tokens_.size() && tokens_[at_].kind == kind && tokens_[at_].text == text;
}

bool JinjaExpression::take(JinjaToken::Kind kind, const char* text) {
  const bool found = is(kind, text);
  if (found) ++at_;
  return found;
}

void JinjaExpression::need(const char* symbol) {
  if (!take_symbol(symbol)) refuse_jinja(rest());
}

std::string JinjaExpression::next_name() {
  if (at_ >= tokens_.size() || tokens_[at_].kind != JinjaToken::Kind::name) refuse_jinja(rest());
  return tokens_[at_++].text;
}

/// Returns the tokens that come, for people.
std::string JinjaExpression::rest() const {
  std::string text;
  for (std::size_t i = at_; i < tokens_.size() && text.size() < 40; ++i) text += (i == at_ ? "" : " ") + tokens_[i].text;
  return text.empty() ? "an expression without an end" : json_quote(text);
}

JinjaValue JinjaExpression::value() {
  JinjaValue value = choice();
  if (at_ != tokens_.size()) refuse_jinja(rest());
  return value;
}

/// Returns whether the expression here is that of "a if b".
bool JinjaExpression::has_condition() const {
  int depth = 0;
  for (std::size_t i = at_; i < tokens_.size(); ++i) {
    const JinjaToken& token = tokens_[i];
    if (token.kind == JinjaToken::Kind::name && depth == 0 && token.text == "if") return true;
    if (token.kind == JinjaToken::Kind::name && depth == 0 && token.text == "else") return false;
    if (token.kind != JinjaToken::Kind::symbol) continue;
    if (token.text == "(" || token.text == "[") ++depth;
    if (depth == 0 && (token.text == ")" || token.text == "]" || token.text == "," || token.text == ":")) return false;
    if (token.text == ")" || token.text == "]") --depth;
  }
  return false;
}

JinjaValue JinjaExpression::choice() {
  if (++depth_ > kMaximumDepth) refuse_jinja("a deep expression");
  JinjaValue value;
  if (!has_condition()) {
    value = either();
  } else {
    const std::size_t begin = at_;
    ++skipping_;
    either();
    --skipping_;
    if (!take_name("if")) refuse_jinja(rest());
    const bool chosen = is_true(either());
    const std::size_t behind = std::exchange(at_, begin);
    skipping_ += chosen ? 0 : 1;
    value = either();
    skipping_ -= chosen ? 0 : 1;
    at_ = behind;
    if (take_name("else")) {
      skipping_ += chosen ? 1 : 0;
      JinjaValue other = choice();
      skipping_ -= chosen ? 1 : 0;
      if (!chosen) value = std::move(other);
    }
  }
  --depth_;
  return value;
}

JinjaValue JinjaExpression::either() {
  JinjaValue value = both();
  while (take_name("or")) {
    const bool done = is_true(value);
    skipping_ += done ? 1 : 0;
    JinjaValue other = both();
    skipping_ -= done ? 1 : 0;
    if (!done) value = std::move(other);
  }
  return value;
}

JinjaValue JinjaExpression::both() {
  JinjaValue value = negation();
  while (take_name("and")) {
    const bool done = !is_true(value);
    skipping_ += done ? 1 : 0;
    JinjaValue other = negation();
    skipping_ -= done ? 1 : 0;
    if (!done) value = std::move(other);
  }
  return value;
}

JinjaValue JinjaExpression::negation() {
  bool negated = false, any = false;
  while (take_name("not")) negated = !negated, any = true;
  JinjaValue value = comparison();
  return any ? JinjaValue(JsonValue(is_true(value) != negated)) : value;
}

JinjaValue JinjaExpression::comparison() {
  JinjaValue value = sum();
  bool negated = false;
  std::string sign;
  for (const char* each : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (sign.empty() && take_symbol(each)) sign = each;
  }
  if (sign.empty() && is_name("not") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].text == "in") {
    ++at_;
    negated = true;
  }
  if (sign.empty() && take_name("in")) sign = "in";
  if (sign.empty()) return value;
  const JinjaValue other = sum();
  if (skipping_ > 0) return {};
  if (sign == "in") return JsonValue(is_in(value, other) != negated);
  if (sign == "==" || sign == "!=") return JsonValue(are_equal(value, other) == (sign == "=="));
  const std::int64_t a = number_of(value, sign), b = number_of(other, sign);
  return JsonValue(sign == "<" ? a < b : sign == ">" ? a > b : sign == "<=" ? a <= b : a >= b);
}

JinjaValue JinjaExpression::sum() {
  JinjaValue value = joined();
  while (is_symbol("+") || is_symbol("-")) {
    const bool adds = take_symbol("+");
    if (!adds) ++at_;
    const JinjaValue other = joined();
    if (skipping_ > 0) continue;
    if (adds && string_in(value) != nullptr) {
      value = checked(*string_in(value) + string_of(other, "+"));
    } else {
      const std::int64_t number = number_of(other, adds ? "+" : "-");
      value = checked(number_of(value, adds ? "+" : "-") + (adds ? number : -number));
    }
  }
  return value;
}

JinjaValue JinjaExpression::joined() {
  JinjaValue value = product();
  while (take_symbol("~")) {
    const JinjaValue other = product();
    if (skipping_ == 0) value = checked(jinja_text(value) + jinja_text(other));
  }
  return value;
}

JinjaValue JinjaExpression::product() {
  const bool negative = take_symbol("-");
  JinjaValue value = postfix();
  if (negative && skipping_ == 0) value = checked(-number_of(value, "-"));
  while (take_symbol("%")) {
    const JinjaValue other = postfix();
    if (skipping_ > 0) continue;
    const std::int64_t divisor = number_of(other, "%"), number = number_of(value, "%");
    if (divisor <= 0 || number < 0) refuse_jinja("% of what is not positive");
    value = checked(number % divisor);
  }
  return value;
}

JinjaValue JinjaExpression::postfix() {
  JinjaValue value = primary();
  for (;;) {
    if (take_symbol(".")) {
      const std::string name = next_name();
      if (is_symbol("(")) {
        value = method(value, name);
      } else if (skipping_ == 0) {
        value = member(value, name);
      }
    } else if (take_symbol("[")) {
      value = subscript(value);
    } else if (take_symbol("|")) {
      value = filter(value, next_name());
      if (is_symbol("(")) refuse_jinja("a filter with arguments: " + rest());
    } else if (take_name("is")) {
      value = test(value);
    } else {
      return value;
    }
  }
}

JinjaValue JinjaExpression::primary() {
  if (take_symbol("(")) {
    JinjaValue value = choice();
    need(")");
    return value;
  }
  if (at_ >= tokens_.size() || tokens_[at_].kind == JinjaToken::Kind::symbol) refuse_jinja(rest());
  const JinjaToken& token = tokens_[at_++];
  if (token.kind == JinjaToken::Kind::string) return JsonValue(token.text);
  if (token.kind == JinjaToken::Kind::number) {
    const bool is_plain = token.text.size() < 9 && token.text.find_first_not_of("0123456789") == std::string::npos;
    if (!is_plain) refuse_jinja("the number " + token.text);
    return JsonValue(static_cast<std::int64_t>(std::stol(token.text)));
  }
  if (is_symbol("(")) return call(token.text);
  if (token.text == "true" || token.text == "True") return JsonValue(true);
  if (token.text == "false" || token.text == "False") return JsonValue(false);
  if (token.text == "none" || token.text == "None") return JsonValue();
  if (token.text == "loop" && is_symbol(".") && at_ + 1 < tokens_.size()) {
    const JinjaValue* loop = scopes_.find("loop");
    const std::string& name = tokens_[at_ + 1].text;
    if (skipping_ == 0 && loop != nullptr && *loop && (*loop)->find(name) == nullptr) refuse_jinja("loop." + name);
  }
  const JinjaValue* variable = scopes_.find(token.text);
  return variable != nullptr ? *variable : std::nullopt;
}

JinjaValue JinjaExpression::call(const std::string& name) {
  if (name == "namespace") return made_namespace();
  const std::vector<JinjaValue> values = arguments();
  if (skipping_ > 0) return {};
  if (name == "raise_exception" && values.size() == 1) throw JinjaRaised{jinja_text(values[0])};
  refuse_jinja(name + "()");
}

JinjaValue JinjaExpression::made_namespace() {
  need("(");
  JsonValue made{JsonValue::Object()};
  while (!take_symbol(")")) {
    const std::string key = next_name();
    need("=");
    JinjaValue value = choice();
    if (skipping_ == 0 && !value) refuse_jinja("a namespace of what is not there");
    if (value) made.set(key, std::move(*value));
    if (!is_symbol(")")) need(",");
  }
  return made;
}

std::vector<JinjaValue> JinjaExpression::arguments() {
  std::vector<JinjaValue> values;
  need("(");
  while (!take_symbol(")")) {
    values.push_back(choice());
    if (!is_symbol(")")) need(",");
  }
  return values;
}

JinjaValue JinjaExpression::subscript(const JinjaValue& value) {
  JinjaValue index;
  if (!is_symbol(":")) index = choice();
  if (is_symbol(":")) return slice(value, index);
  need("]");
  if (skipping_ > 0) return {};
  if (string_in(index) != nullptr) return member(value, *string_in(index));
  const JsonValue::Array* array = array_in(value);
  if (array == nullptr) refuse_jinja("an index into what is no list");
  const std::int64_t size = static_cast<std::int64_t>(array->size());
  const std::int64_t place = number_of(index, "an index") + (number_of(index, "an index") < 0 ? size : 0);
  return place >= 0 && place < size ? JinjaValue((*array)[static_cast<std::size_t>(place)]) : std::nullopt;
}

/// Takes [a:b] and [::-1].
JinjaValue JinjaExpression::slice(const JinjaValue& value, const JinjaValue& begin) {
  need(":");
  JinjaValue end, step;
  if (!is_symbol(":") && !is_symbol("]")) end = choice();
  if (take_symbol(":") && !is_symbol("]")) step = choice();
  need("]");
  if (skipping_ > 0) return {};
  const JsonValue::Array* array = array_in(value);
  if (array == nullptr) refuse_jinja("a slice of what is no list");
  JsonValue::Array result = *array;
  if (step) {
    if (number_of(step, "a step") != -1 || begin || end) refuse_jinja("a slice with a step");
    std::reverse(result.begin(), result.end());
    return JsonValue(std::move(result));
  }
  const std::int64_t size = static_cast<std::int64_t>(array->size());
  const auto place = [&](const JinjaValue& bound, std::int64_t other) {
    const std::int64_t number = bound ? number_of(bound, "a slice") : other;
    return std::clamp<std::int64_t>(number < 0 ? number + size : number, 0, size);
  };
  const std::int64_t first = place(begin, 0), last = std::max(first, place(end, size));
  return JsonValue(JsonValue::Array(array->begin() + first, array->begin() + last));
}

JinjaValue JinjaExpression::method(const JinjaValue& value, const std::string& name) {
  const std::vector<JinjaValue> values = arguments();
  if (skipping_ > 0) return {};
  const std::string what = "." + name + "()";
  if (name == "strip" || name == "lstrip" || name == "rstrip")
    return JsonValue(stripped(string_of(value, what), name, values));
  if (values.size() != 1 || string_in(values[0]) == nullptr) refuse_jinja(what);
  const std::string& argument = *string_in(values[0]);
  if (name == "get") return value && value->find(argument) == nullptr ? JinjaValue(JsonValue()) : member(value, argument);
  if (name == "split") return split(string_of(value, what), argument);
  if (name == "startswith") return JsonValue(string_of(value, what).starts_with(argument));
  if (name == "endswith") return JsonValue(string_of(value, what).ends_with(argument));
  refuse_jinja(what);
}

JinjaValue JinjaExpression::filter(const JinjaValue& value, const std::string& name) const {
  if (skipping_ > 0) return {};
  if (name == "trim") return JsonValue(without_white_space(string_of(value, "| trim"), true, true));
  if (name == "length" || name == "count") return length(value);
  refuse_jinja("| " + name);
}

JinjaValue JinjaExpression::test(const JinjaValue& value) {
  const bool negated = take_name("not");
  const std::string name = next_name();
  if (skipping_ > 0) return {};
  bool result = false;
  if (name == "defined" || name == "undefined") {
    result = value.has_value() == (name == "defined");
  } else if (name == "none") {
    result = value && value->is_null();
  } else if (name == "string") {
    result = string_in(value) != nullptr;
  } else if (name == "mapping") {
    result = value && value->if_object() != nullptr;
  } else if (name == "true" || name == "false") {
    result = value && value->if_bool() != nullptr && *value->if_bool() == (name == "true");
  } else {
    refuse_jinja("is " + name);
  }
  return JsonValue(result != negated);
}

}  // namespace lm
