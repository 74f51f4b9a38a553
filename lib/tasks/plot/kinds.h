// The kinds of picture: each makes one of the rows of its sources.
#pragma once

#include <span>

#include "tasks/plot/plot.h"
#include "tasks/plot/source.h"

namespace lm {

/// Runs of lm-train: curves are means over stretches of a run, of the speed medians; points are validations. If a step comes
/// twice, as after a resumption, the later one counts.
Plot plot_metrics(std::span<const SourceRows> sources, const PlotRequest& request);

/// Losses over sizes, on logarithmic axes, with the law fitted to each source (stats/power_law.h). Rows: x, loss, run (its
/// name), series (rows of one are joined) and fitted (0: not fitted to).
Plot plot_scaling(std::span<const SourceRows> sources, const PlotRequest& request);

/// Accuracy over confidence, in bins of equal count.
Plot plot_calibration(std::span<const SourceRows> sources);

/// Loss, and accuracy with confidence, by how often target tokens were seen.
Plot plot_frequency(std::span<const SourceRows> sources);

/// Bits of each token or word of a text.
Plot plot_surprisal(std::span<const SourceRows> sources);

/// Differences of pairs of models with their intervals, or models' losses beside each other.
Plot plot_comparison(std::span<const SourceRows> sources, const PlotRequest& request);

}  // namespace lm
