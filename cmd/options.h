// Helpers to declare options: sizes, durations, choices, and repeated values, with errors that say what is accepted.
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"

namespace lm::cmd {

using Seconds = std::chrono::duration<double>;

enum class SizeUnit { count, bytes };  // k, M, G, T are powers of 1000 for counts, of 1024 for bytes

/// Parses a whole number >= 0: "4096", "4k", "1.5M", "2G". Returns nothing if the text is no such number or does not fit.
std::optional<std::int64_t> parse_size(std::string_view text, SizeUnit unit);
/// Parses a time: "0.5s", "30s", "10m", "2h", or plain seconds. Returns nothing if the text is no time or is negative.
std::optional<Seconds> parse_duration(std::string_view text);
/// Returns 65 s as "1m05s": for people.
std::string format_duration(Seconds duration);

/// The largest whole number that can be given: all up to here are exact in a double.
constexpr std::int64_t kLargestNumber = (std::int64_t{1} << 53) - 1;

/// Smallest and largest value accepted.
struct Range {
  std::int64_t minimum = 1;
  std::int64_t maximum = kLargestNumber;
};

/// Returns the number that parse_size() reads, if it is inside the range. Else throws Error saying what is expected, and
/// what is wrong with the text if that is clear: "expected a whole number from 1 to 8".
std::int64_t read_size(std::string_view text, SizeUnit unit, Range range = {});
/// Returns the same, or nothing if the text is `word`.
std::optional<std::int64_t> read_size_or(std::string_view word, std::string_view text, SizeUnit unit, Range range = {});

/// Declares an option whose value is a size; the variable's present value is the default that --help shows (an empty
/// optional: none).
CLI::Option* add_size(CLI::App& app, const std::string& name, std::int64_t& variable, const std::string& description,
                      SizeUnit unit = SizeUnit::count, Range range = {});
CLI::Option* add_size(CLI::App& app, const std::string& name, std::optional<std::int64_t>& variable,
                      const std::string& description, SizeUnit unit = SizeUnit::count, Range range = {});
/// Declares an option whose value is a time of at most a hundred years.
CLI::Option* add_duration(CLI::App& app, const std::string& name, Seconds& variable, const std::string& description);
CLI::Option* add_duration(CLI::App& app, const std::string& name, std::optional<Seconds>& variable,
                          const std::string& description);

/// A finite number inside [minimum, maximum].
struct RealRange {
  double minimum = 0;
  double maximum = 1e300;
};
/// Declares an option whose value is a finite number inside the range; its default is shown as by add_size().
CLI::Option* add_real(CLI::App& app, const std::string& name, double& variable, const std::string& description,
                      RealRange range = {});
CLI::Option* add_real(CLI::App& app, const std::string& name, float& variable, const std::string& description,
                      RealRange range = {});
CLI::Option* add_real(CLI::App& app, const std::string& name, std::optional<double>& variable,
                      const std::string& description, RealRange range = {});

/// Declares an option whose value is a text; the variable's present value is the default that --help shows, if it is not
/// empty. `type` names it in --help.
CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& variable, const std::string& description,
                      const std::string& type = "TEXT");

/// Declares the same for a variable that may be empty, which has no default.
CLI::Option* add_text(CLI::App& app, const std::string& name, std::optional<std::string>& variable,
                      const std::string& description, const std::string& type = "TEXT");

/// Declares an option that may be given several times, one value each time.
CLI::Option* add_repeated(CLI::App& app, const std::string& name, std::vector<std::string>& variable,
                          const std::string& description, const std::string& type = "TEXT");

/// Declares the trailing arguments: FILE... (`name` without dashes, such as "FILE").
CLI::Option* add_files(CLI::App& app, const std::string& name, std::vector<std::string>& variable,
                       const std::string& description);

/// Returns whether an option takes no value.
bool is_flag(const CLI::Option& option);

/// Declares an option with one value of text that `assign` reads; it returns false if the text is not `accepted` ("a size
/// such as 4k"), or throws Error with what there is to say instead.
CLI::Option* add_parsed(CLI::App& app, const std::string& name, const std::string& type, const std::string& default_text,
                        const std::string& description, const std::string& accepted,
                        const std::function<bool(const std::string&)>& assign);

/// What an option chooses from: the words, and what they are words for ("layout"), as in unknown_word().
struct Words {
  std::string kind;
  std::vector<std::string> known;
};

/// Throws CLI::ValidationError for a word that is none of them: "--layout: unknown layout 'smp'; known: psm, spm; did you
/// mean 'spm'?". If it is like none of them but like a flag of the program (`--format json`), the flag is suggested.
[[noreturn]] void refuse_word(const CLI::App& app, const std::string& name, const Words& words, const std::string& word);

/// Declares an option whose value is one of some words, which --help shows in the place of a type; any other is refused.
CLI::Option* add_word(CLI::App& app, const std::string& name, const Words& words, const std::string& default_word,
                      const std::string& description, const std::function<void(const std::string&)>& assign);

/// Returns the words of some values of an enum, or of all if none are given.
template <HasChoices E>
std::vector<std::string> words_of(const std::vector<E>& values) {
  std::vector<std::string> words;
  for (const E value : values) words.emplace_back(to_string(value));
  return values.empty() ? choice_words<E>() : words;
}

/// Declares an option whose value is one of an enum's words; the variable's present value is the default. Of a program that
/// knows only some of the values, `accepted` names them.
template <HasChoices E>
CLI::Option* add_choice(CLI::App& app, const std::string& name, E& variable, const std::string& description,
                        const std::vector<E>& accepted = {}) {
  return add_word(app, name, {kChoices<E>.kind, words_of(accepted)}, to_string(variable), description,
                  [&variable](const std::string& word) { variable = parse_choice<E>(word); });
}

/// Declares the same for a variable that may be empty. `empty_word`, if there is one, is the word for that ("auto").
template <HasChoices E>
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::optional<E>& variable, const std::string& description,
                        const std::string& empty_word = "", const std::vector<E>& accepted = {}) {
  std::vector<std::string> known = words_of(accepted);
  if (!empty_word.empty()) known.insert(known.begin(), empty_word);
  return add_word(app, name, {kChoices<E>.kind, known}, variable ? to_string(*variable) : empty_word, description,
                  [&variable, empty_word](const std::string& word) {
                    variable = word == empty_word ? std::nullopt : std::optional<E>(parse_choice<E>(word));
                  });
}

}  // namespace lm::cmd
