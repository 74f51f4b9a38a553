#include "tasks/plot/plot.h"

#include "base/error.h"
#include "tasks/plot/kinds.h"
#include "tasks/plot/source.h"

namespace lm {
namespace {

/// Returns what all sources are.
PlotKind kind_of(const std::vector<SourceRows>& sources, const PlotRequest& request) {
  if (request.kind) return *request.kind;
  const PlotKind kind = sources.front().kind();
  for (std::size_t i = 1; i < sources.size(); ++i) {
    if (sources[i].kind() == kind) continue;
    throw Error("cannot draw '" + request.sources[0].path + "' and '" + request.sources[i].path + "' together: one is " +
                to_string(kind) + ", the other " + to_string(sources[i].kind()) + "; --kind draws what both hold");
  }
  return kind;
}

void check_settings(const PlotRequest& request, PlotKind kind) {
  if (request.axis && kind != PlotKind::metrics)
    throw SettingsError(std::string("-x is for metrics, not for ") + to_string(kind));
  if (!request.quantities.empty() && kind != PlotKind::metrics && kind != PlotKind::comparison)
    throw SettingsError(std::string("-y is for metrics and comparison, not for ") + to_string(kind));
}

Plot plot_of(PlotKind kind, const std::vector<SourceRows>& sources, const PlotRequest& request) {
  switch (kind) {
    case PlotKind::metrics:
      return plot_metrics(sources, request);
    case PlotKind::scaling:
      return plot_scaling(sources, request);
    case PlotKind::calibration:
      return plot_calibration(sources);
    case PlotKind::frequency:
      return plot_frequency(sources);
    case PlotKind::surprisal:
      return plot_surprisal(sources);
    case PlotKind::comparison:
      break;
  }
  return plot_comparison(sources, request);
}

}  // namespace

Plot make_plot(const PlotRequest& request) {
  LM_CHECK(!request.sources.empty());
  std::vector<SourceRows> sources;
  for (const PlotSource& source : request.sources) sources.emplace_back(source);
  const PlotKind kind = kind_of(sources, request);
  check_settings(request, kind);
  Plot plot = plot_of(kind, sources, request);
  plot.figure.title = request.title;
  if (plot.text_figure) plot.text_figure->title = request.title;
  return plot;
}

}  // namespace lm
