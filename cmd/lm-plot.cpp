// lm-plot: pictures of what lm-train and lm-eval-ppl wrote, and of how loss falls with size.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "named_files.h"
#include "options.h"
#include "program.h"
#include "tasks/plot/gnuplot.h"
#include "tasks/plot/plot.h"
#include "tasks/plot/text_chart.h"

namespace lm::cmd {
namespace {

struct Options {
  std::optional<PlotKind> kind;
  std::optional<PlotAxis> axis;
  std::vector<PlotQuantity> quantities;
  std::string title;
  std::string output = "-";
  bool text = false, data = false, json = false;
  std::vector<std::string> files;
};

/// Reads words between commas.
bool read_quantities(const CLI::App& app, const std::string& list, std::vector<PlotQuantity>& quantities) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string word = list.substr(begin, end - begin);
    const std::optional<PlotQuantity> quantity = find_choice<PlotQuantity>(word);
    if (!quantity) refuse_word(app, "-y", {kChoices<PlotQuantity>.kind, choice_words<PlotQuantity>()}, word);
    quantities.push_back(*quantity);
    begin = end + 1;
  }
  return true;
}

void add_options(CLI::App& app, Options& options) {
  add_choice(app, "--kind", options.kind, "what is drawn; auto: as the files hold", "auto");
  add_text(app, "-o,--output", options.output, "where to write; a picture is PNG if the name ends with .png, else SVG",
           "FILE");
  app.add_flag("--text", options.text, "draw with characters, as wide as COLUMNS says or 80");
  app.add_flag("--data", options.data, "print the numbers that would be drawn, tab-separated");
  app.add_flag("--json", options.json, "with --data: print one JSON object a line");
  add_choice(app, "-x,--axis", options.axis, "of metrics: what the horizontal axis is (default: steps)", "");
  add_parsed(app, "-y,--draw", "LIST", "",
             "what is drawn, the first large: loss,bits,rate,speed,norm of metrics, "
             "loss,bits,perplexity of reports",
             "", [&](const std::string& list) { return read_quantities(app, list, options.quantities); });
  add_text(app, "-t,--title", options.title, "what the picture is called");
  add_files(app, "FILE", options.files,
            "metrics, reports or tables, with a name for the picture or without: NAME=FILE (default: standard input, as -)");
}

/// Returns the name and path of an operand: NAME=FILE, if there is no file of that whole name.
PlotSource source_of(const std::string& operand) {
  const std::size_t equals = operand.find('=');
  if (equals != std::string::npos && !exists(operand)) return {operand.substr(0, equals), operand.substr(equals + 1)};
  if (operand == "-") return {"standard input", operand};
  std::string name = name_of(operand);
  for (const char* ending : {".jsonl", ".json", ".tsv"}) {
    if (name.ends_with(ending) && name.size() > std::string(ending).size()) {
      name.resize(name.size() - std::string(ending).size());
      break;
    }
  }
  return {name, operand};
}

PictureFormat format_of(const std::string& output) {
  if (output.ends_with(".png")) return PictureFormat::png;
  for (const char* ending : {".pdf", ".eps", ".ps", ".jpg", ".jpeg", ".gif", ".html"}) {
    if (output.ends_with(ending))
      throw UsageError("cannot write -o '" + output + "': pictures are SVG (.svg) or PNG (.png)");
  }
  return PictureFormat::svg;
}

PlotRequest request_of(const Options& options, const CommonOptions& common) {
  if (options.text && options.data) throw UsageError("--text and --data exclude each other");
  if (options.json && !options.data) throw UsageError("--json goes with --data");
  PlotRequest request{
      .sources = {}, .kind = options.kind, .axis = options.axis, .quantities = options.quantities, .title = options.title};
  NamedFiles named(common);
  for (const std::string& file : options.files) request.sources.push_back(source_of(file));
  if (request.sources.empty()) request.sources.push_back(source_of("-"));
  for (const PlotSource& source : request.sources) named.reads("FILE", source.path);
  named.writes("-o", options.output);
  named.check();
  return request;
}

Plot plot_of(const PlotRequest& request) {
  try {
    return make_plot(request);
  } catch (const SettingsError& error) {
    throw UsageError(error.what());
  }
}

/// Returns how wide a text may be.
std::size_t text_columns() {
  constexpr std::int64_t kUsual = 80, kMost = 1000;
  const char* const columns = std::getenv("COLUMNS");
  const std::int64_t wanted = columns == nullptr ? kUsual : parse_size(columns, SizeUnit::count).value_or(kUsual);
  return static_cast<std::size_t>(wanted == 0 ? kUsual : std::min(wanted, kMost));
}

std::string draw(const Plot& plot, const Options& options) {
  if (options.data) return options.json ? to_json_lines(plot.table) : to_tsv(plot.table);
  if (!options.text) return run_gnuplot(gnuplot_commands(plot.figure, format_of(options.output)));
  const std::string chart = text_chart(plot.text_figure.value_or(plot.figure), text_columns());
  return plot.notes.empty() ? chart : chart + "\n" + plot.notes;
}

int run(const Options& options, const CommonOptions& common) {
  const bool picture = !options.text && !options.data;
  if (picture && options.output == "-" && is_terminal(1))
    throw UsageError("a picture is not written to a terminal; use -o, a pipe, or --text");
  if (picture) format_of(options.output);
  const PlotRequest request = request_of(options, common);
  check_output(options.output);
  const std::string drawn = draw(plot_of(request), options);
  const std::unique_ptr<OutputStream> output = open_output(options.output);
  output->write(drawn);
  output->close();
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {.name = "lm-plot",
                      .summary = "draw trainings, evaluations and laws of scaling",
                      .usage = "[--kind KIND] [-o OUT.svg|OUT.png] [--text|--data] [[NAME=]FILE...]",
                      .products = Products::made,
                      .add_options = [&](CLI::App& app) { add_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
