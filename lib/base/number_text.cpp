#include "base/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace lm {
namespace {

// What rounds to ten digits before the point.
constexpr double kExponentFrom = 999999999.5;
constexpr int kDigitsWithExponent = 6;

/// `pattern` takes a precision and a double.
std::string formatted(const char* pattern, int precision, double value) {
  if (std::isnan(value)) return "nan";  // printf may write its sign
  const int length = std::snprintf(nullptr, 0, pattern, precision, value);
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::snprintf(text.data(), text.size(), pattern, precision, value);
  text.pop_back();  // the terminator
  return text;
}

}  // namespace

std::string fixed_text(double value, int decimals) {
  if (std::abs(value) >= kExponentFrom) return short_text(value, kDigitsWithExponent);
  return formatted("%.*f", decimals, value);
}

std::string short_text(double value, int digits) { return formatted("%.*g", digits, value); }

std::string align_right(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

std::string exact_text(double value) {
  if (std::isnan(value)) return "nan";
  std::array<char, 32> digits{};  // 24 at most
  const std::to_chars_result result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return std::string(digits.data(), result.ptr);
}

}  // namespace lm
