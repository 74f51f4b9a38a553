#include "tasks/prompt/jinja.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tasks/prompt/jinja_expression.h"

namespace lm {
namespace {

constexpr int kMaximumParts = 100'000;
constexpr std::size_t kMaximumOutput = std::size_t{1} << 20;
constexpr int kMaximumBlocks = 50;  // one in the other

/// Returns the name that a statement begins with; empty: it is none.
std::string_view keyword(const JinjaPart& part) {
  const bool is_statement = part.kind == JinjaPart::Kind::statement && !part.tokens.empty();
  return is_statement ? std::string_view(part.tokens.front().text) : std::string_view();
}

bool is_symbol(const JinjaToken& token, std::string_view text) { return token.is(JinjaToken::Kind::symbol, text); }

bool opens(const JinjaPart& part) {
  constexpr std::array<std::string_view, 8> kBlocks = {"if",   "for",   "macro", "filter",
                                                       "call", "block", "with",  "autoescape"};
  const std::string_view word = keyword(part);
  const bool is_block_set = word == "set" && std::none_of(part.tokens.begin(), part.tokens.end(),
                                                          [](const JinjaToken& token) { return is_symbol(token, "="); });
  return is_block_set || std::find(kBlocks.begin(), kBlocks.end(), word) != kBlocks.end();
}

// Marks what training is to learn, and writes nothing.
constexpr std::string_view kGeneration = "generation", kEndGeneration = "endgeneration";

class Runner {
 public:
  Runner(const std::vector<JinjaPart>& parts, const JsonValue::Object& variables) : parts_(parts) {
    JinjaScopes::Scope scope;
    for (const auto& [name, value] : variables) scope[name] = value;
    scopes_.push(std::move(scope));
  }

  std::string run() {
    run(0, parts_.size());
    return std::move(output_);
  }

 private:
  void run(std::size_t begin, std::size_t end) {
    if (++depth_ > kMaximumBlocks) refuse_jinja("blocks that are deep in each other");
    for (std::size_t at = begin; at < end;) {
      if (++steps_ > kMaximumParts) refuse_jinja("long loops");
      const JinjaPart& part = parts_[at];
      if (part.kind != JinjaPart::Kind::statement) {
        output_ += part.kind == JinjaPart::Kind::text ? part.text : jinja_text(value(part, 0));
        if (output_.size() > kMaximumOutput) refuse_jinja("a long text");
        ++at;
      } else {
        at = run_statement(at);
      }
    }
    --depth_;
  }

  JinjaValue value(const JinjaPart& part, std::size_t from) { return JinjaExpression(part.tokens, from, scopes_).value(); }

  /// Returns the next place after `at`, at the same depth, of a part that closes or divides its block.
  std::size_t next_of_block(std::size_t at) const {
    int depth = 0;
    for (std::size_t i = at + 1; i < parts_.size(); ++i) {
      const std::string_view word = keyword(parts_[i]);
      const bool closes = word.starts_with("end") && word != kEndGeneration;
      if (depth == 0 && (closes || word == "else" || word == "elif")) return i;
      depth += opens(parts_[i]) ? 1 : closes ? -1 : 0;
    }
    throw Error("has a block without an end");
  }

  /// Returns where to go on.
  std::size_t run_statement(std::size_t at) {
    const std::string word(keyword(parts_[at]));
    if (word == "if") return run_if(at);
    if (word == "for") return run_for(at);
    if (word == "macro") return next_of_block(at) + 1;
    if (word == kGeneration || word == kEndGeneration) return at + 1;
    if (word != "set" || opens(parts_[at])) refuse_jinja("{% " + word + " %}");
    run_set(parts_[at]);
    return at + 1;
  }

  std::size_t run_if(std::size_t at) {
    bool done = false;
    for (;;) {
      const std::size_t next = next_of_block(at);
      const std::string_view word = keyword(parts_[at]);
      if (!done && (word == "else" || is_true(value(parts_[at], 1)))) {
        done = true;
        run(at + 1, next);
      }
      if (keyword(parts_[next]).starts_with("end")) return next + 1;
      at = next;
    }
  }

  std::size_t run_for(std::size_t at) {
    const std::vector<JinjaToken>& tokens = parts_[at].tokens;
    const bool has_filter = std::any_of(tokens.begin(), tokens.end(), [](const JinjaToken& token) {
      return token.kind == JinjaToken::Kind::name && (token.text == "if" || token.text == "recursive");
    });
    if (tokens.size() < 4 || tokens[2].text != "in" || has_filter) refuse_jinja("a {% for %} of another form");
    const JinjaValue list = value(parts_[at], 3);
    const std::size_t end = next_of_block(at);
    if (keyword(parts_[end]) != "endfor") refuse_jinja("{% else %} of a {% for %}");
    if (list && list->if_array() == nullptr) refuse_jinja("{% for %} of what is no list");
    const JsonValue::Array items = list ? *list->if_array() : JsonValue::Array();
    const std::int64_t size = static_cast<std::int64_t>(items.size());
    for (std::int64_t i = 0; i < size; ++i) {
      JsonValue loop;
      loop.set("index0", i).set("index", i + 1).set("length", size).set("revindex", size - i).set("revindex0", size - i - 1);
      loop.set("first", i == 0).set("last", i + 1 == size);
      scopes_.push({{"loop", loop}, {tokens[1].text, items[static_cast<std::size_t>(i)]}});
      run(at + 1, end);
      scopes_.pop();
    }
    return end + 1;
  }

  void run_set(const JinjaPart& part) {
    const std::vector<JinjaToken>& tokens = part.tokens;
    if (tokens.size() > 3 && is_symbol(tokens[2], "=")) return scopes_.set(tokens[1].text, value(part, 3));
    if (tokens.size() < 6 || !is_symbol(tokens[2], ".") || !is_symbol(tokens[4], "="))
      refuse_jinja("a {% set %} of another form");
    JinjaValue member = value(part, 5);
    JinjaValue* space = scopes_.find(tokens[1].text);
    if (space == nullptr || !*space || (*space)->if_object() == nullptr || !member)
      refuse_jinja("a {% set %} of what is no namespace");
    (*space)->set(tokens[3].text, std::move(*member));
  }

  const std::vector<JinjaPart>& parts_;
  JinjaScopes scopes_;
  std::string output_;
  int depth_ = 0, steps_ = 0;
};

}  // namespace

JinjaResult run_jinja(const JinjaTemplate& chat_template, const JsonValue::Object& variables) {
  if (!chat_template.fault.empty()) throw Error(chat_template.fault);
  try {
    return {.text = Runner(chat_template.parts, variables).run()};
  } catch (const JinjaRaised& raised) {
    return {.text = raised.text, .has_raised = true};
  }
}

}  // namespace lm
