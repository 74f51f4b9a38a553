#include "tasks/prompt/jinja_expression.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/error.h"

namespace lm {
namespace {

constexpr int kMaximumDepth = 200;

}  // namespace

bool JinjaExpression::is(JinjaToken::Kind kind, const char* text) const {
  return at_ < tokens_.size() && tokens_[at_].is(kind, text);
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

/// Reads an operand, which is computed only if it is needed.
JinjaValue JinjaExpression::operand(bool is_needed, JinjaValue (JinjaExpression::*read)()) {
  skipping_ += is_needed ? 0 : 1;
  JinjaValue value = (this->*read)();
  skipping_ -= is_needed ? 0 : 1;
  return value;
}

JinjaValue JinjaExpression::choice() {
  if (++depth_ > kMaximumDepth) refuse_jinja("a deep expression");
  JinjaValue value;
  if (!has_condition()) {
    value = either();
  } else {
    const std::size_t begin = at_;
    operand(false, &JinjaExpression::either);
    if (!take_name("if")) refuse_jinja(rest());
    const bool chosen = is_true(either());
    const std::size_t behind = std::exchange(at_, begin);
    value = operand(chosen, &JinjaExpression::either);
    at_ = behind;
    if (take_name("else")) {
      JinjaValue other = operand(!chosen, &JinjaExpression::choice);
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
    JinjaValue other = operand(!done, &JinjaExpression::both);
    if (!done) value = std::move(other);
  }
  return value;
}

JinjaValue JinjaExpression::both() {
  JinjaValue value = negation();
  while (take_name("and")) {
    const bool done = !is_true(value);
    JinjaValue other = operand(!done, &JinjaExpression::negation);
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
  return JsonValue(compare_jinja(value, sign, other) != negated);
}

JinjaValue JinjaExpression::sum() {
  JinjaValue value = joined();
  while (is_symbol("+") || is_symbol("-")) {
    const bool adds = take_symbol("+");
    if (!adds) ++at_;
    const JinjaValue other = joined();
    if (skipping_ > 0) continue;
    if (adds) {
      value = add_jinja(value, other);
    } else {
      const std::int64_t number = jinja_number(other, "-");
      value = bounded(jinja_number(value, "-") - number);
    }
  }
  return value;
}

JinjaValue JinjaExpression::joined() {
  JinjaValue value = product();
  while (take_symbol("~")) {
    const JinjaValue other = product();
    if (skipping_ == 0) value = bounded(jinja_text(value) + jinja_text(other));
  }
  return value;
}

JinjaValue JinjaExpression::product() {
  const bool negative = take_symbol("-");
  JinjaValue value = postfix();
  if (negative && skipping_ == 0) value = bounded(-jinja_number(value, "-"));
  while (take_symbol("%")) {
    const JinjaValue other = postfix();
    if (skipping_ > 0) continue;
    const std::int64_t divisor = jinja_number(other, "%"), number = jinja_number(value, "%");
    if (divisor <= 0 || number < 0) refuse_jinja("% of what is not positive");
    value = bounded(number % divisor);
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
        value = jinja_member(value, name);
      }
    } else if (take_symbol("[")) {
      value = subscript(value);
    } else if (take_symbol("|")) {
      value = filter(value);
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
  return skipping_ > 0 ? JinjaValue() : jinja_item(value, index);
}

/// Takes [a:b] and [::-1].
JinjaValue JinjaExpression::slice(const JinjaValue& value, const JinjaValue& begin) {
  need(":");
  JinjaValue end, step;
  if (!is_symbol(":") && !is_symbol("]")) end = choice();
  if (take_symbol(":") && !is_symbol("]")) step = choice();
  need("]");
  return skipping_ > 0 ? JinjaValue() : jinja_slice(value, begin, end, step);
}

JinjaValue JinjaExpression::method(const JinjaValue& value, const std::string& name) {
  const std::vector<JinjaValue> values = arguments();
  return skipping_ > 0 ? JinjaValue() : call_method(value, name, values);
}

JinjaValue JinjaExpression::filter(const JinjaValue& value) {
  const std::string name = next_name();
  JinjaValue result = skipping_ > 0 ? JinjaValue() : apply_filter(value, name);
  if (is_symbol("(")) refuse_jinja("a filter with arguments: " + rest());
  return result;
}

JinjaValue JinjaExpression::test(const JinjaValue& value) {
  const bool negated = take_name("not");
  const std::string name = next_name();
  return skipping_ > 0 ? JinjaValue() : JsonValue(passes_test(value, name) != negated);
}

}  // namespace lm
