// Numbers as text: for people, who want few digits whatever the size, and exact ones for programs.
#pragma once

#include <cstddef>
#include <string>

namespace lm {

/// Returns `value` with `decimals` places or, from 1e9 on, with six significant digits and an exponent, so that a column has
/// one width. What is not finite is inf, -inf or nan.
std::string fixed_text(double value, int decimals);

/// Returns `value` with at most `digits` significant digits, without zeros at the end, and with an exponent if it is large
/// or small.
std::string short_text(double value, int digits);

/// Returns `text` with blanks before it that make it `width` characters long, if it is less.
std::string align_right(std::string text, std::size_t width);

/// Returns the shortest decimal that reads back to the same double.
std::string exact_text(double value);

}  // namespace lm
