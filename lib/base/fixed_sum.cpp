#include "base/fixed_sum.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lm {

namespace {

constexpr int kBits = 60;

}  // namespace

void FixedSum::add(Units units) {
  lost_ = lost_ || __builtin_add_overflow(units_, units, &units_);
  if (lost_) units_ = 0;
}

FixedSum& FixedSum::operator+=(double value) {
  const double units = std::ldexp(value, kBits);
  if (!(std::abs(units) < 0x1p126)) {
    lost_ = true;
    units_ = 0;
    return *this;
  }
  // Beyond 2^53 a double is whole, so that nothing is rounded there.
  add(static_cast<Units>(std::nearbyint(units)));
  return *this;
}

FixedSum& FixedSum::operator+=(const FixedSum& other) {
  lost_ = lost_ || other.lost_;
  add(other.units_);
  return *this;
}

double FixedSum::value() const {
  if (lost_) return std::numeric_limits<double>::infinity();
  return std::ldexp(static_cast<double>(units_), -kBits);
}

std::string FixedSum::to_text() const {
  if (lost_) return "inf";
  if (units_ == 0) return "0";
  __extension__ using Magnitude = unsigned __int128;
  Magnitude rest = units_ < 0 ? -static_cast<Magnitude>(units_) : static_cast<Magnitude>(units_);
  std::string digits;
  for (; rest != 0; rest /= 10) digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  if (units_ < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::optional<FixedSum> FixedSum::from_text(std::string_view text) {
  FixedSum sum;
  if (text == "inf") {
    sum.lost_ = true;
    return sum;
  }
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const int digit = negative ? '0' - c : c - '0';
    if (__builtin_mul_overflow(sum.units_, static_cast<Units>(10), &sum.units_)) return std::nullopt;
    if (__builtin_add_overflow(sum.units_, static_cast<Units>(digit), &sum.units_)) return std::nullopt;
  }
  return sum;
}

}  // namespace lm
