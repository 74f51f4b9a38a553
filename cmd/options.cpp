#include "options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/number_text.h"
#include "base/suggest.h"

namespace lm::cmd {
namespace {

/// Takes a plain decimal number >= 0 from the start of `text`, which is shortened to what follows it.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  if (text.empty() || ((text[0] < '0' || text[0] > '9') && text[0] != '.')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string size_text(std::int64_t value, SizeUnit unit) {
  const std::int64_t step = unit == SizeUnit::bytes ? 1024 : 1000;
  std::size_t power = 0;
  while (power < 4 && value != 0 && value % step == 0) {
    value /= step;
    ++power;
  }
  return std::to_string(value) + std::array{"", "k", "M", "G", "T"}[power];
}

std::string duration_text(Seconds duration) {
  double value = duration.count();
  const char* unit = "s";
  if (value >= 3600 && std::fmod(value, 3600) == 0) {
    value /= 3600;
    unit = "h";
  } else if (value >= 60 && std::fmod(value, 60) == 0) {
    value /= 60;
    unit = "m";
  }
  return short_text(value, 10) + unit;
}

std::string real_text(double value) { return short_text(value, 6); }

constexpr double kLongestHours = 100 * 8766;  // a hundred years

/// The units that may follow a number: letters, and what a message says of them.
struct Units {
  std::string_view letters;
  const char* names;
};
constexpr Units kCounts = {"kKMGT", "k, M, G and T are known, powers of 1000"};
constexpr Units kBytes = {"kKMGT", "k, M, G and T are known, powers of 1024"};
constexpr Units kTimes = {"smh", "s, m and h are known"};

/// Returns what is wrong with a text that is no number with a unit, such as "unknown unit 'kb' (...); "; nothing if it is
/// one, or nothing like one.
std::string fault_of(std::string_view text, const std::optional<Units>& units) {
  if (text.empty()) return "it is empty; ";
  std::string_view rest = text.substr(text[0] == '-' ? 1 : 0);
  if (!take_number(rest) || rest.empty()) return "";
  if (units && rest.size() == 1 && units->letters.find(rest[0]) != std::string_view::npos) return "";
  switch (rest[0]) {
    case ',':
      return "write it without the comma, and a fraction with a point; ";
    case ' ':
      return "write it without the space; ";
    case '_':
      return "write it without the underscore; ";
    case '%':
      return "write a fraction, not a percentage; ";
    default:
      break;
  }
  if (!units) return "unexpected '" + std::string(rest) + "' after the number; ";
  return "unknown unit '" + std::string(rest) + "' (" + units->names + "); ";
}

/// Returns a number with enough digits to distinguish 0.9999999 from 1.
std::string limit_text(double value) { return short_text(value, 7); }

Seconds read_duration(std::string_view text) {
  const std::optional<Seconds> value = parse_duration(text);
  if (value && value->count() <= kLongestHours * 3600) return *value;
  throw Error(fault_of(text, kTimes) + "expected a time from 0s to " + limit_text(kLongestHours) +
              "h, such as 0.5s, 30s, 10m or 2h");
}

double read_real(std::string_view text, RealRange range) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  if (whole && value >= range.minimum && value <= range.maximum) return value;
  throw Error(fault_of(text, {}) + "expected a number from " + limit_text(range.minimum) + " to " +
              limit_text(range.maximum));
}

/// Returns "--output" of "-o,--output".
std::string long_name(const std::string& name) { return name.substr(name.rfind(',') + 1); }

/// Returns the options of the program that take no value, as "--json".
std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    if (!is_flag(*option)) continue;
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

template <class Variable>
CLI::Option* declare_size(CLI::App& app, const std::string& name, Variable& variable, const std::string& default_text,
                          const std::string& description, SizeUnit unit, Range range) {
  return add_parsed(app, name, unit == SizeUnit::bytes ? "BYTES" : "N", default_text, description, "",
                    [&variable, unit, range](const std::string& text) {
                      variable = read_size(text, unit, range);
                      return true;
                    });
}

template <class Variable>
CLI::Option* declare_duration(CLI::App& app, const std::string& name, Variable& variable, const std::string& default_text,
                              const std::string& description) {
  return add_parsed(app, name, "TIME", default_text, description, "", [&variable](const std::string& text) {
    variable = read_duration(text);
    return true;
  });
}

template <class Variable>
CLI::Option* declare_real(CLI::App& app, const std::string& name, Variable& variable, const std::string& default_text,
                          const std::string& description, RealRange range) {
  return add_parsed(app, name, "X", default_text, description, "", [&variable, range](const std::string& text) {
    const double value = read_real(text, range);
    if constexpr (std::is_same_v<Variable, float>) {
      variable = static_cast<float>(value);
    } else {
      variable = value;
    }
    return true;
  });
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text, SizeUnit unit) {
  const std::optional<double> number = take_number(text);
  if (!number || text.size() > 1) return std::nullopt;
  double value = *number;
  if (text.size() == 1) {
    const std::string_view letters = "kMGT";
    const std::size_t power = letters.find(text[0] == 'K' ? 'k' : text[0]);
    if (power == std::string_view::npos) return std::nullopt;
    value *= std::pow(unit == SizeUnit::bytes ? 1024.0 : 1000.0, static_cast<double>(power + 1));
  }
  if (value != std::floor(value) || value > static_cast<double>(kLargestNumber)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::int64_t read_size(std::string_view text, SizeUnit unit, Range range) {
  const std::optional<std::int64_t> value = parse_size(text, unit);
  if (value && *value >= range.minimum && *value <= range.maximum) return *value;
  const bool bytes = unit == SizeUnit::bytes;
  throw Error(fault_of(text, bytes ? kBytes : kCounts) + "expected a whole number " + (bytes ? "of bytes " : "") + "from " +
              std::to_string(range.minimum) + " to " + std::to_string(range.maximum) +
              (bytes ? ", such as 512M or 4G" : ", such as 100 or 4k"));
}

std::optional<std::int64_t> read_size_or(std::string_view word, std::string_view text, SizeUnit unit, Range range) {
  if (text == word) return std::nullopt;
  try {
    return read_size(text, unit, range);
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + ", or " + std::string(word));
  }
}

std::optional<Seconds> parse_duration(std::string_view text) {
  const std::optional<double> number = take_number(text);
  if (!number) return std::nullopt;
  double factor = 0;
  if (text.empty() || text == "s") factor = 1;
  if (text == "m") factor = 60;
  if (text == "h") factor = 3600;
  if (factor == 0) return std::nullopt;
  return Seconds(*number * factor);
}

std::string format_duration(Seconds duration) {
  constexpr double kLongest = 1e15;  // of which a long long can hold the seconds
  const long long seconds = std::llround(std::min(duration.count(), kLongest));
  const auto two_digits = [](long long number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  if (seconds >= 3600) return std::to_string(seconds / 3600) + "h" + two_digits(seconds / 60 % 60) + "m";
  if (seconds >= 60) return std::to_string(seconds / 60) + "m" + two_digits(seconds % 60) + "s";
  return std::to_string(seconds) + "s";
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

CLI::Option* add_parsed(CLI::App& app, const std::string& name, const std::string& type, const std::string& default_text,
                        const std::string& description, const std::string& accepted,
                        const std::function<bool(const std::string&)>& assign) {
  const std::string shown = long_name(name);
  CLI::Option* option = app.add_option(
      name,
      [shown, accepted, assign](const CLI::results_t& values) {
        std::string reason = "expected " + accepted;
        try {
          if (assign(values.back())) return true;
        } catch (const Error& error) {
          reason = error.what();
        }
        throw CLI::ValidationError("cannot use '" + values.back() + "' for " + shown + ": " + reason);
      },
      description);
  option->type_name(type)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (!default_text.empty()) option->default_str(default_text);
  return option;
}

void refuse_word(const CLI::App& app, const std::string& name, const Words& words, const std::string& word) {
  std::string message = long_name(name) + ": " + unknown_word(words.kind, word, words.known);
  if (!word.empty() && similar_words(word, words.known).empty())
    message += did_you_mean(similar_words("--" + word, flags_of(app)));
  throw CLI::ValidationError(message);
}

CLI::Option* add_word(CLI::App& app, const std::string& name, const Words& words, const std::string& default_word,
                      const std::string& description, const std::function<void(const std::string&)>& assign) {
  std::string type;
  for (const std::string& word : words.known) type += (type.empty() ? "" : "|") + word;
  return add_parsed(app, name, type, default_word, description, "", [&app, name, words, assign](const std::string& word) {
    if (std::find(words.known.begin(), words.known.end(), word) == words.known.end()) refuse_word(app, name, words, word);
    assign(word);
    return true;
  });
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::int64_t& variable, const std::string& description,
                      SizeUnit unit, Range range) {
  return declare_size(app, name, variable, size_text(variable, unit), description, unit, range);
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::optional<std::int64_t>& variable,
                      const std::string& description, SizeUnit unit, Range range) {
  return declare_size(app, name, variable, variable ? size_text(*variable, unit) : "", description, unit, range);
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, Seconds& variable, const std::string& description) {
  return declare_duration(app, name, variable, duration_text(variable), description);
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, std::optional<Seconds>& variable,
                          const std::string& description) {
  return declare_duration(app, name, variable, variable ? duration_text(*variable) : "", description);
}

CLI::Option* add_real(CLI::App& app, const std::string& name, double& variable, const std::string& description,
                      RealRange range) {
  return declare_real(app, name, variable, real_text(variable), description, range);
}

CLI::Option* add_real(CLI::App& app, const std::string& name, float& variable, const std::string& description,
                      RealRange range) {
  return declare_real(app, name, variable, real_text(static_cast<double>(variable)), description, range);
}

CLI::Option* add_real(CLI::App& app, const std::string& name, std::optional<double>& variable,
                      const std::string& description, RealRange range) {
  return declare_real(app, name, variable, variable ? real_text(*variable) : "", description, range);
}

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& variable, const std::string& description,
                      const std::string& type) {
  return add_parsed(app, name, type, variable, description, "text", [&variable](const std::string& text) {
    variable = text;
    return true;
  });
}

CLI::Option* add_text(CLI::App& app, const std::string& name, std::optional<std::string>& variable,
                      const std::string& description, const std::string& type) {
  return add_parsed(app, name, type, "", description, "text", [&variable](const std::string& text) {
    variable = text;
    return true;
  });
}

CLI::Option* add_repeated(CLI::App& app, const std::string& name, std::vector<std::string>& variable,
                          const std::string& description, const std::string& type) {
  // Without this CLI11 would take every argument that follows as a further value.
  return app.add_option(name, variable, description)->type_name(type)->allow_extra_args(false);
}

CLI::Option* add_files(CLI::App& app, const std::string& name, std::vector<std::string>& variable,
                       const std::string& description) {
  return app.add_option(name, variable, description)->type_name("");
}

}  // namespace lm::cmd
