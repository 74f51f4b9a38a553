#include "tasks/evaluate/level_report.h"

#include <algorithm>

namespace lm {

namespace {

std::vector<std::string> columns_of(const std::vector<Level>& levels) {
  if (levels.size() == 1) return tsv_columns(levels.front());
  std::vector<std::string> columns = {"level"};
  for (const Level level : levels) {
    for (std::string& column : tsv_columns(level)) {
      if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(std::move(column));
    }
  }
  return columns;
}

}  // namespace

LevelReport::LevelReport(const LevelReportOptions& options, const TextModel& model, OutputStream& output,
                         OutputStream* rejected)
    : options_(options), model_(model), output_(output), rejected_(rejected), columns_(columns_of(options.levels)) {
  if (!options.header) return;
  output_.write(tsv_header(columns_, options.frame));
  if (rejected_ != nullptr) rejected_->write(tsv_header(columns_, options.frame));
}

bool LevelReport::has(Level level) const {
  return std::find(options_.levels.begin(), options_.levels.end(), level) != options_.levels.end();
}

void LevelReport::write(Level level, const JsonValue& row, OutputStream& output) {
  const bool several = options_.levels.size() > 1;
  JsonValue named = row;
  if (several) {
    named = JsonValue();
    named.set("level", to_string(level));
    for (const auto& [key, value] : *row.if_object()) named.set(key, value);
  }
  output.write(options_.form == ReportForm::json ? named.dump() + "\n" : tsv_row(columns_, named, options_.frame));
}

void LevelReport::add(const TokenScore& token) {
  if (!has(Level::token)) return;
  if (options_.form == ReportForm::text) return output_.write(to_text(token, options_.frame));
  write(Level::token, to_json(token, options_.frame, model_.bytes_of(token.score.likeliest)), output_);
}

void LevelReport::add(const WordScore& word) {
  if (!has(Level::word)) return;
  if (options_.form == ReportForm::text) return output_.write(to_text(word, options_.frame));
  write(Level::word, to_json(word, options_.frame), output_);
}

void LevelReport::add(const DocumentScore& document, bool kept) {
  if (has(Level::document)) {
    OutputStream* output = kept ? &output_ : rejected_;
    if (output != nullptr) {
      if (options_.form == ReportForm::text) {
        output->write(to_text(document));
      } else if (options_.form == ReportForm::json && !document.record.empty()) {
        const std::string row = with_scores(document, options_.frame);
        output->write(options_.levels.size() > 1 ? "{\"level\":\"document\"," + row.substr(1) + "\n" : row + "\n");
      } else {
        write(Level::document, to_json(document, options_.frame), *output);
      }
    }
  }
  if (!options_.line_buffered) return;
  output_.flush();
  if (rejected_ != nullptr) rejected_->flush();
}

void LevelReport::add(const CorpusScore& corpus) {
  if (!has(Level::corpus)) return;
  if (options_.form == ReportForm::text) return output_.write(to_text(corpus, options_.frame, options_.macro));
  write(Level::corpus, to_json(corpus, options_.frame, options_.macro), output_);
}

}  // namespace lm
