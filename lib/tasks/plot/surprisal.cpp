#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/printable.h"
#include "tasks/plot/kinds.h"

namespace lm {
namespace {

constexpr std::size_t kLabelledInARow = 48;
constexpr std::size_t kLabelled = 6 * kLabelledInARow;  // more are not legible

struct SurprisalText {
  std::string name;
  bool words = false;
  std::vector<std::string> pieces;
  std::vector<double> bits;
  std::vector<std::int64_t> documents, indices;
};

SurprisalText read_text(const SourceRows& source) {
  SurprisalText text{.name = source.name(), .pieces = {}, .bits = {}, .documents = {}, .indices = {}};
  source.each(SourceRows::Cut::refused, [&](const JsonValue& row, const std::string& place) {
    const bool is_word = row.find("word") != nullptr;
    if (!text.bits.empty() && is_word != text.words)
      throw Error("'" + place + "' is of another level than the lines before: tokens and words are not drawn together");
    text.words = is_word;
    double nats = 0;
    if (is_word) {
      nats = optional_number(row, "corrected_nats", place);
      if (std::isnan(nats)) nats = optional_number(row, "nats", place);
    } else {
      if (row.find("log_p") == nullptr) throw Error("expected a number for 'log_p' in '" + place + "'");
      nats = -optional_number(row, "log_p", place);
    }
    text.pieces.push_back(row.string_at(is_word ? "word" : "piece", place));
    text.bits.push_back(nats / std::numbers::ln2);
    text.documents.push_back(row.integer_at("document_id", place));
    text.indices.push_back(row.integer_at("index", place));
  });
  return text;
}

/// Returns a piece as a label: on one line, with its blanks to be seen.
std::string label_of(const std::string& piece) {
  std::string label;
  for (const char c : printable(piece)) {
    if (c == ' ') {
      label += "\u00b7";
    } else {
      label += c;
    }
  }
  return label;
}

/// Returns the panel of some of the texts' tokens; `labels` are those of the longest text, or none for curves.
Panel part_of(const std::vector<SurprisalText>& texts, const std::vector<std::string>& labels, std::size_t first,
              std::size_t count, double most) {
  const std::string unit = texts.front().words ? "word" : "token";
  Panel panel{
      .x = {.title = labels.empty() ? unit : ""}, .y = {.title = "bits per " + unit, .low = 0, .high = most}, .series = {}};
  for (std::size_t i = first; i < std::min(first + count, labels.size()); ++i) panel.categories.push_back(labels[i]);
  for (std::size_t k = 0; k < texts.size(); ++k) {
    Series series{.name = texts[k].name, .mark = labels.empty() ? Mark::line : Mark::bars, .color = k};
    for (std::size_t i = first; i < std::min(first + count, texts[k].bits.size()); ++i) {
      series.x.push_back(static_cast<double>(i - first));
      series.y.push_back(texts[k].bits[i]);
    }
    panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

Plot plot_surprisal(std::span<const SourceRows> sources) {
  std::vector<SurprisalText> texts;
  std::size_t longest = 0;
  for (const SourceRows& source : sources) {
    texts.push_back(read_text(source));
    longest = std::max(longest, texts.back().bits.size());
    if (texts.back().words != texts.front().words)
      throw Error("'" + source.path() + "' is of another level than the first: tokens and words are not drawn together");
  }
  Plot plot;
  plot.figure.layout = PanelLayout::stacked;
  plot.table.columns = {"text", "document_id", "index", texts.front().words ? "word" : "piece", "bits"};
  double most = 0;
  for (const SurprisalText& text : texts) {
    for (std::size_t i = 0; i < text.bits.size(); ++i) {
      plot.table.rows.push_back({text.name, text.documents[i], text.indices[i], text.pieces[i], text.bits[i]});
      if (std::isfinite(text.bits[i])) most = std::max(most, text.bits[i]);
    }
  }
  most = most > 0 ? 1.05 * most : 1;
  const SurprisalText& longest_text =
      *std::max_element(texts.begin(), texts.end(),
                        [](const SurprisalText& a, const SurprisalText& b) { return a.bits.size() < b.bits.size(); });
  std::vector<std::string> labels;
  for (const std::string& piece : longest_text.pieces) labels.push_back(label_of(piece));
  plot.text_figure = Figure{.title = "", .panels = {part_of(texts, labels, 0, longest, most)}};
  if (longest > kLabelled) {
    plot.figure.panels.push_back(part_of(texts, {}, 0, longest, most));
    return plot;
  }
  for (std::size_t first = 0; first < longest; first += kLabelledInARow)
    plot.figure.panels.push_back(part_of(texts, labels, first, kLabelledInARow, most));
  // The last row, too, is as wide as a whole one.
  if (plot.figure.panels.size() > 1) plot.figure.panels.back().x.high = static_cast<double>(kLabelledInARow - 1);
  return plot;
}

}  // namespace lm
