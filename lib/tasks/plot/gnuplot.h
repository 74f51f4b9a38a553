// Figures as pictures, by gnuplot.
#pragma once

#include <string>

#include "base/choice.h"
#include "tasks/plot/figure.h"

namespace lm {

enum class PictureFormat { svg, png };
template <>
inline constexpr auto kChoices<PictureFormat> =
    choice_table<PictureFormat>("format of pictures", {{"svg", PictureFormat::svg}, {"png", PictureFormat::png}});

/// Returns the commands that make gnuplot draw the figure, with its data in them: they name no file, and of the names and titles
/// nothing is taken for a command.
std::string gnuplot_commands(const Figure& figure, PictureFormat format);

/// Runs gnuplot on commands, without a shell and without the user's settings, and returns what it prints. Throws Error if it is
/// not found, naming its package, or fails.
std::string run_gnuplot(const std::string& commands);

}  // namespace lm
