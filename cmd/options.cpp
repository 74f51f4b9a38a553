#include "options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/number_text.h"

namespace lm::cmd {
namespace {

/// A plain decimal number >= 0 at the start of `text`, which is shortened to what follows it.
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

std::string accepted_size(SizeUnit unit, Range range) {
  std::string text = "a whole number";
  if (range.maximum == INT64_MAX) {
    text += " of at least " + std::to_string(range.minimum);
  } else {
    text += " from " + std::to_string(range.minimum) + " to " + std::to_string(range.maximum);
  }
  return text + (unit == SizeUnit::bytes ? " of bytes, such as 512M or 4G" : ", such as 100 or 4k");
}

template <class Variable>
CLI::Option* declare_size(CLI::App& app, const std::string& name, Variable& variable, const std::string& default_text,
                          const std::string& description, SizeUnit unit, Range range) {
  return add_parsed(app, name, unit == SizeUnit::bytes ? "BYTES" : "N", default_text, description,
                    accepted_size(unit, range), [&variable, unit, range](const std::string& text) {
                      const std::optional<std::int64_t> value = parse_size(text, unit);
                      if (!value || *value < range.minimum || *value > range.maximum) return false;
                      variable = *value;
                      return true;
                    });
}

template <class Variable>
CLI::Option* declare_duration(CLI::App& app, const std::string& name, Variable& variable, const std::string& default_text,
                              const std::string& description) {
  return add_parsed(app, name, "TIME", default_text, description, "a time such as 0.5s, 30s, 10m or 2h",
                    [&variable](const std::string& text) {
                      const std::optional<Seconds> value = parse_duration(text);
                      if (value) variable = *value;
                      return value.has_value();
                    });
}

template <class Variable>
CLI::Option* declare_real(CLI::App& app, const std::string& name, Variable& variable, const std::string& default_text,
                          const std::string& description, RealRange range) {
  std::string accepted = "a number of at least " + real_text(range.minimum);
  if (range.maximum < 1e300) accepted = "a number from " + real_text(range.minimum) + " to " + real_text(range.maximum);
  return add_parsed(app, name, "X", default_text, description, accepted, [&variable, range](const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return false;
    if (value < range.minimum || value > range.maximum) return false;
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
  if (value != std::floor(value) || value >= 9007199254740992.0) return std::nullopt;  // 2^53: exact in a double
  return static_cast<std::int64_t>(value);
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

CLI::Option* add_parsed(CLI::App& app, const std::string& name, const std::string& type, const std::string& default_text,
                        const std::string& description, const std::string& accepted,
                        const std::function<bool(const std::string&)>& assign) {
  const std::string shown = name.substr(name.rfind(',') == std::string::npos ? 0 : name.rfind(',') + 1);
  CLI::Option* option = app.add_option(
      name,
      [shown, accepted, assign](const CLI::results_t& values) {
        if (!assign(values.back())) {
          throw CLI::ValidationError("cannot use '" + values.back() + "' for " + shown + ": expected " + accepted);
        }
        return true;
      },
      description);
  option->type_name(type)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (!default_text.empty()) option->default_str(default_text);
  return option;
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
