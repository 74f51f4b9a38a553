// Expressions of Jinja: what they are worth.
#pragma once

#include <string>
#include <vector>

#include "tasks/prompt/jinja_parts.h"
#include "tasks/prompt/jinja_value.h"

namespace lm {

/// What raise_exception() throws.
struct JinjaRaised {
  std::string text;
};

/// Reads and computes tokens from a place on, once.
class JinjaExpression {
 public:
  JinjaExpression(const std::vector<JinjaToken>& tokens, std::size_t at, JinjaScopes& scopes)
      : tokens_(tokens), at_(at), scopes_(scopes) {}

  /// Throws Error for what is not known, also behind the expression.
  JinjaValue value();

 private:
  bool is_symbol(const char* text) const { return is(JinjaToken::Kind::symbol, text); }
  bool is_name(const char* text) const { return is(JinjaToken::Kind::name, text); }
  bool is(JinjaToken::Kind kind, const char* text) const;
  bool take(JinjaToken::Kind kind, const char* text);
  bool take_symbol(const char* text) { return take(JinjaToken::Kind::symbol, text); }
  bool take_name(const char* text) { return take(JinjaToken::Kind::name, text); }
  void need(const char* symbol);
  std::string next_name();
  std::string rest() const;

  bool has_condition() const;
  JinjaValue operand(bool is_needed, JinjaValue (JinjaExpression::*read)());
  JinjaValue choice();
  JinjaValue either();
  JinjaValue both();
  JinjaValue negation();
  JinjaValue comparison();
  JinjaValue sum();
  JinjaValue joined();
  JinjaValue product();
  JinjaValue postfix();
  JinjaValue primary();
  JinjaValue call(const std::string& name);
  JinjaValue made_namespace();
  JinjaValue subscript(const JinjaValue& value);
  JinjaValue slice(const JinjaValue& value, const JinjaValue& begin);
  JinjaValue method(const JinjaValue& value, const std::string& name);
  JinjaValue filter(const JinjaValue& value);
  JinjaValue test(const JinjaValue& value);
  std::vector<JinjaValue> arguments();

  const std::vector<JinjaToken>& tokens_;
  std::size_t at_;
  JinjaScopes& scopes_;
  int skipping_ = 0;  // in an operand that is not computed
  int depth_ = 0;
};

}  // namespace lm
