#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

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

/// What a source has: the rows of one level or, if it names levels, of both.
struct SurprisalTexts {
  SurprisalText tokens, words;
};

void add_row(SurprisalText& text, const JsonValue& row, const std::string& place) {
  double nats = 0;
  if (text.words) {
    nats = optional_number(row, "corrected_nats", place);
    if (std::isnan(nats)) nats = optional_number(row, "nats", place);
  } else {
    if (row.find("log_p") == nullptr) throw Error("expected a number for 'log_p' in '" + place + "'");
    nats = -optional_number(row, "log_p", place);
  }
  text.pieces.push_back(row.string_at(text.words ? "word" : "piece", place));
  text.bits.push_back(nats / std::numbers::ln2);
  text.documents.push_back(row.integer_at("document_id", place));
  text.indices.push_back(row.integer_at("index", place));
}

SurprisalTexts read_texts(const SourceRows& source) {
  SurprisalTexts texts{
      .tokens = {.name = source.name(), .words = false, .pieces = {}, .bits = {}, .documents = {}, .indices = {}},
      .words = {.name = source.name(), .words = true, .pieces = {}, .bits = {}, .documents = {}, .indices = {}}};
  source.each(SourceRows::Cut::refused, [&](const JsonValue& row, const std::string& place) {
    const bool is_word = row.find("word") != nullptr;
    if (row.find("level") != nullptr) {
      const std::string level = text_or(row, "level", "", place);
      if (level != "token" && level != "word") return;  // of documents and the corpus
    } else if (!(is_word ? texts.tokens : texts.words).bits.empty()) {
      throw Error("'" + place + "' is of another level than the lines before: tokens and words are not drawn together");
    }
    add_row(is_word ? texts.words : texts.tokens, row, place);
  });
  return texts;
}

/// Returns of each source the text of the finest level that all have.
std::vector<SurprisalText> texts_of_one_level(std::span<const SourceRows> sources) {
  std::vector<SurprisalTexts> all;
  for (const SourceRows& source : sources) all.push_back(read_texts(source));
  std::vector<SurprisalText> result;
  for (SurprisalText SurprisalTexts::*const level : {&SurprisalTexts::tokens, &SurprisalTexts::words}) {
    if (std::any_of(all.begin(), all.end(), [&](const SurprisalTexts& texts) { return (texts.*level).bits.empty(); }))
      continue;
    for (SurprisalTexts& texts : all) result.push_back(std::move(texts.*level));
    return result;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].tokens.bits.empty() && all[i].words.bits.empty())
      throw Error("nothing to draw in '" + sources[i].path() + "': it has no rows of tokens or words");
  }
  throw Error("cannot draw '" + sources.front().path() +
              "' with the others: tokens and words are not drawn together, and no level is in all of them");
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
  const std::vector<SurprisalText> texts = texts_of_one_level(sources);
  std::size_t longest = 0;
  for (const SurprisalText& text : texts) longest = std::max(longest, text.bits.size());
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
