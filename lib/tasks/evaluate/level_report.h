// The rows of a report, level by level, in the order in which they become known.
#pragma once

#include <vector>

#include "base/file.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {

/// Columns that the rows of a level have after their own.
struct LevelColumns {
  Level level;
  std::vector<std::string> columns;
};

/// What a row has besides its own: members of its JSON, which columns are taken from too, and lines for people.
struct MoreOfRow {
  JsonValue json = {};  // an object, or null
  std::string text = {};
};

struct LevelReportOptions {
  std::vector<Level> levels = {Level::corpus};  // each once, in the order of the enum
  ReportFrame frame = {};
  ReportForm form = ReportForm::text;
  Macro macro = Macro::no;
  bool header = false;         // names of the columns first, with tsv
  bool line_buffered = false;  // each document's rows leave at once
  std::vector<LevelColumns> more_columns = {};
};

/// Writes rows of the levels that are asked for: of each document its words and tokens, then itself; the corpus last. Several
/// levels share a table: of TSV the union of their columns, first `level`; of JSON objects whose first key is "level".
class LevelReport {
 public:
  /// All outlive it; `rejected`, to which documents that are left out go, may be null.
  LevelReport(const LevelReportOptions& options, const TextModel& model, OutputStream& output, OutputStream* rejected);

  bool has(Level level) const;
  void add(const TokenScore& token, const JsonValue& more = {});
  void add(const WordScore& word);
  /// `kept`: it is not left out.
  void add(const DocumentScore& document, const JsonValue& more = {}, bool kept = true);
  void add(const CorpusScore& corpus, const MoreOfRow& more = {});

 private:
  bool names_levels() const { return options_.levels.size() > 1; }
  void write(Level level, const JsonValue& row, OutputStream& output);

  LevelReportOptions options_;
  const TextModel& model_;
  OutputStream& output_;
  OutputStream* rejected_;
  std::vector<std::string> columns_;
};

}  // namespace lm
