// How tokenizer.json files spell the pattern families.
#include <iterator>
#include <span>
#include <string>

#include "text/pattern/deepseek.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

namespace {

struct Spelling {
  Pattern pattern;
  std::string_view regex;  // as Oniguruma takes it: what we write
};

// Oniguruma (Ruby syntax) reads {1,3}+ as a repeated group and $ as the end of a line: so {1,3} and \z. A file that has tiktoken's
// own spelling means something else, then.
constexpr Spelling kSpellings[] = {
    {Pattern::gpt2, R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {Pattern::r50k, R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++\z|\s+(?!\S)|\s)"},
    {Pattern::cl100k, R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+)"
                      R"(|\s++\z|\s*[\r\n]|\s+(?!\S)|\s)"},
    {Pattern::llama3, R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                      R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pattern::qwen2,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pattern::qwen35, R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
                      R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pattern::o200k,
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pattern::tekken, R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
                      R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
                      R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

std::span<const std::string_view> deepseek_steps(Pattern pattern) {
  if (pattern == Pattern::deepseek_coder) return kDeepseekCoderSteps;
  if (pattern == Pattern::deepseek_llm) return kDeepseekLlmSteps;
  if (pattern == Pattern::deepseek_v3) return kDeepseekV3Steps;
  return {};
}

JsonValue byte_level_json(bool use_regex) {
  return JsonValue::Object{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

JsonValue split_json(std::string_view regex) {
  return JsonValue::Object{
      {"type", "Split"}, {"pattern", JsonValue::Object{{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

JsonValue digits_json() { return JsonValue::Object{{"type", "Digits"}, {"individual_digits", true}}; }

/// Returns the expression of a Split whose pieces are the expression's matches, and if `gaps_too` what is between them; else "".
std::string_view regex_of_split(const JsonValue& step, bool gaps_too) {
  const JsonValue* pattern = step.find("pattern");
  if (json_string_in(step, "type") != "Split" || pattern == nullptr) return {};
  const std::string_view behavior = json_string_in(step, "behavior");
  const JsonValue* invert = step.find("invert");
  const bool inverted = invert != nullptr && !invert->is_null() && json_bool_in(step, "invert") != false;
  // If nothing is between the matches, removing what is not matched isolates them.
  const bool fits = (behavior == "Isolated" && !inverted) || (!gaps_too && behavior == "Removed" && inverted);
  return fits ? json_string_in(*pattern, "Regex") : std::string_view();
}

bool is_individual_digits(const JsonValue& step) {
  return json_string_in(step, "type") == "Digits" && json_bool_in(step, "individual_digits") == true;
}

/// Returns `regex` with escapes for the newline characters themselves.
std::string with_escapes(std::string_view regex) {
  std::string escaped;
  for (const char c : regex) escaped += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
  return escaped;
}

/// Returns whether the steps before ByteLevel are those of one of DeepSeek's families.
bool matches_deepseek(Pattern pattern, std::span<const JsonValue> steps) {
  const std::span<const std::string_view> regexes = deepseek_steps(pattern);
  const bool has_digits = pattern != Pattern::deepseek_v3;
  if (steps.size() != regexes.size() + (has_digits ? 1 : 0)) return false;
  for (std::size_t i = 0; i < regexes.size(); ++i) {
    if (with_escapes(regex_of_split(steps[i], true)) != with_escapes(regexes[i])) return false;
  }
  return !has_digits || is_individual_digits(steps.back());
}

}  // namespace

std::string_view pattern_regex(Pattern pattern) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.pattern == pattern) return spelling.regex;
  }
  return {};
}

std::optional<Pattern> pattern_of_regex(std::string_view regex) {
  if (regex.empty()) return std::nullopt;
  for (const Spelling& spelling : kSpellings) {
    if (spelling.regex == regex) return spelling.pattern;
  }
  return std::nullopt;
}

JsonValue pre_tokenizer_json(Pattern pattern) {
  if (pattern == Pattern::gpt2) return byte_level_json(true);
  if (pattern == Pattern::none) return byte_level_json(false);
  JsonValue::Array steps;
  if (pattern == Pattern::smollm) {
    steps = {digits_json(), byte_level_json(true)};
  } else if (const std::string_view regex = pattern_regex(pattern); !regex.empty()) {
    steps = {split_json(regex), byte_level_json(false)};
  } else {
    for (const std::string_view step : deepseek_steps(pattern)) steps.push_back(split_json(step));
    if (pattern != Pattern::deepseek_v3) steps.push_back(digits_json());
    steps.push_back(byte_level_json(false));
  }
  return JsonValue::Object{{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

std::optional<Pattern> pattern_of_pre_tokenizer(const JsonValue& value) {
  const JsonValue* sequence = json_string_in(value, "type") == "Sequence" ? value.find("pretokenizers") : nullptr;
  std::span<const JsonValue> steps(&value, 1);
  if (sequence != nullptr && sequence->if_array() != nullptr) steps = *sequence->if_array();
  if (steps.empty() || json_string_in(steps.back(), "type") != "ByteLevel") return std::nullopt;
  const JsonValue* prefix_space = steps.back().find("add_prefix_space");
  if (prefix_space == nullptr || (!prefix_space->is_null() && json_bool_in(steps.back(), "add_prefix_space") != false)) {
    return std::nullopt;
  }
  const bool own_regex = json_bool_in(steps.back(), "use_regex").value_or(true);
  steps = steps.first(steps.size() - 1);
  if (steps.empty()) return own_regex ? Pattern::gpt2 : Pattern::none;
  if (own_regex) return steps.size() == 1 && is_individual_digits(steps[0]) ? std::optional(Pattern::smollm) : std::nullopt;
  if (steps.size() == 1) return pattern_of_regex(regex_of_split(steps[0], false));
  for (const Pattern pattern : {Pattern::deepseek_coder, Pattern::deepseek_llm, Pattern::deepseek_v3}) {
    if (matches_deepseek(pattern, steps)) return pattern;
  }
  return std::nullopt;
}

}  // namespace lm
