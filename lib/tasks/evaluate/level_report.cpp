#include "tasks/evaluate/level_report.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace lm {

namespace {

void append_new(std::vector<std::string>& columns, const std::vector<std::string>& more) {
  for (const std::string& column : more) {
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  }
}

std::vector<std::string> columns_of(const std::vector<Level>& levels, const std::vector<LevelColumns>& more) {
  std::vector<std::string> columns;
  if (levels.size() > 1) columns.emplace_back("level");
  for (const Level level : levels) append_new(columns, tsv_columns(level));
  for (const LevelColumns& added : more) {
    if (std::find(levels.begin(), levels.end(), added.level) != levels.end()) append_new(columns, added.columns);
  }
  return columns;
}

}  // namespace

LevelReport::LevelReport(const LevelReportOptions& options, const TextModel& model, OutputStream& output,
                         OutputStream* rejected)
    : options_(options),
      model_(model),
      output_(output),
      rejected_(rejected),
      columns_(columns_of(options.levels, options.more_columns)) {
  if (!options.header) return;
  output_.write(tsv_header(columns_, options.frame));
  if (rejected_ != nullptr) rejected_->write(tsv_header(columns_, options.frame));
}

bool LevelReport::has(Level level) const {
  return std::find(options_.levels.begin(), options_.levels.end(), level) != options_.levels.end();
}

void LevelReport::write(Level level, const JsonValue& row, OutputStream& output) {
  JsonValue named;
  if (names_levels()) named.set("level", to_string(level));
  named = joined(std::move(named), row);
  output.write(options_.form == ReportForm::json ? named.dump() + "\n" : tsv_row(columns_, named, options_.frame));
}

void LevelReport::add(const TokenScore& token, const JsonValue& more) {
  if (!has(Level::token)) return;
  if (options_.form == ReportForm::text) return output_.write(to_text(token, options_.frame));
  write(Level::token, joined(to_json(token, options_.frame, model_.bytes_of(token.score.likeliest)), more), output_);
}

void LevelReport::add(const WordScore& word) {
  if (!has(Level::word)) return;
  if (options_.form == ReportForm::text) return output_.write(to_text(word, options_.frame));
  write(Level::word, to_json(word, options_.frame), output_);
}

void LevelReport::add(const DocumentScore& document, const JsonValue& more, bool kept) {
  if (has(Level::document)) {
    OutputStream* output = kept ? &output_ : rejected_;
    if (output != nullptr) {
      if (options_.form == ReportForm::text) {
        output->write(to_text(document));
      } else if (options_.form == ReportForm::json && !document.record.empty()) {
        const std::optional<Level> level = names_levels() ? std::optional(Level::document) : std::nullopt;
        output->write(with_scores(document, options_.frame, more, level) + "\n");
      } else {
        write(Level::document, joined(to_json(document, options_.frame), more), *output);
      }
    }
  }
  if (!options_.line_buffered) return;
  output_.flush();
  if (rejected_ != nullptr) rejected_->flush();
}

void LevelReport::add(const CorpusScore& corpus, const MoreOfRow& more) {
  if (!has(Level::corpus)) return;
  if (options_.form == ReportForm::text) return output_.write(to_text(corpus, options_.frame, options_.macro) + more.text);
  write(Level::corpus, joined(to_json(corpus, options_.frame, options_.macro), more.json), output_);
}

}  // namespace lm
