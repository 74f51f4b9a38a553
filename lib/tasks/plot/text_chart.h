// Figures as lines of characters, for a terminal.
#pragma once

#include <cstddef>
#include <string>

#include "tasks/plot/figure.h"

namespace lm {

/// Returns the figure, at most `columns` wide (not less than 40): curves on a grid of characters, each with a mark of its own, and a
/// row for each value of a category.
std::string text_chart(const Figure& figure, std::size_t columns);

}  // namespace lm
