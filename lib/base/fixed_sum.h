// Sums of numbers that are the same bits in any order and any split: in fixed point.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lm {

/// A sum in units of 2^-60, in 128 bits: of numbers below 2^66 in size, each to within 2^-61. Sums beyond that range, of
/// numbers that are not finite too, are lost: value() is then infinite, and stays so.
class FixedSum {
 public:
  FixedSum() = default;
  explicit FixedSum(double value) { *this += value; }

  FixedSum& operator+=(double value);
  FixedSum& operator+=(const FixedSum& other);
  /// Returns the nearest double.
  double value() const;

  /// Returns the number of units as a decimal; "inf" if it is lost.
  std::string to_text() const;
  /// Reads what to_text() writes; nothing if it is something else.
  static std::optional<FixedSum> from_text(std::string_view text);

  bool operator==(const FixedSum&) const = default;

 private:
  __extension__ using Units = __int128;

  void add(Units units);

  Units units_ = 0;
  bool lost_ = false;
};

}  // namespace lm
