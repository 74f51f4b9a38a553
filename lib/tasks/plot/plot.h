// lm-plot: what lm-train --metrics, lm-eval-ppl --json and studies of scaling wrote, as a picture, as text and as numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "tasks/plot/figure.h"
#include "tasks/plot/table.h"

namespace lm {

enum class PlotKind { metrics, scaling, calibration, frequency, surprisal, comparison };
template <>
inline constexpr auto kChoices<PlotKind> = choice_table<PlotKind>("kind of picture", {{"metrics", PlotKind::metrics},
                                                                                      {"scaling", PlotKind::scaling},
                                                                                      {"calibration", PlotKind::calibration},
                                                                                      {"frequency", PlotKind::frequency},
                                                                                      {"surprisal", PlotKind::surprisal},
                                                                                      {"comparison", PlotKind::comparison}});

/// The horizontal axis of metrics.
enum class PlotAxis { steps, tokens, time };
template <>
inline constexpr auto kChoices<PlotAxis> =
    choice_table<PlotAxis>("axis", {{"steps", PlotAxis::steps}, {"tokens", PlotAxis::tokens}, {"time", PlotAxis::time}});

/// What is drawn of metrics (all but perplexity) and of models' reports (loss, bits or perplexity).
enum class PlotQuantity { loss, bits, rate, speed, norm, perplexity };
template <>
inline constexpr auto kChoices<PlotQuantity> = choice_table<PlotQuantity>("quantity",
                                                                          {{"loss", PlotQuantity::loss},
                                                                           {"bits", PlotQuantity::bits},
                                                                           {"rate", PlotQuantity::rate},
                                                                           {"speed", PlotQuantity::speed},
                                                                           {"norm", PlotQuantity::norm},
                                                                           {"perplexity", PlotQuantity::perplexity}});

struct PlotSource {
  std::string name;  // of the run or model, in the key
  std::string path;  // "-": standard input
};

struct PlotRequest {
  std::vector<PlotSource> sources;
  std::optional<PlotKind> kind = {};          // else recognized by what the sources hold
  std::optional<PlotAxis> axis = {};          // else steps
  std::vector<PlotQuantity> quantities = {};  // empty: what there is
  std::string title = {};
};

struct Plot {
  Figure figure;
  Table table;
  std::optional<Figure> text_figure = {};  // for text, if that is another
  std::string notes = {};                  // what a text says below the chart; ends with a line's end
};

/// Reads the sources, fits what is to be fitted and lays out the picture. Throws Error if a source cannot be read or holds
/// something else, naming its line, and SettingsError for an axis or quantities that do not suit the kind.
Plot make_plot(const PlotRequest& request);

}  // namespace lm
