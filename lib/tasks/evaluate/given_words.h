// Words that the user gives: lines of a file, or lists in JSON.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tasks/evaluate/token_scores.h"
#include "text/documents.h"

namespace lm {

/// Hands out the words of documents, one after the other.
class GivenWords {
 public:
  /// Reads `path`, if it is not empty: a word a line, of which what follows a tab is not part; empty lines are skipped. Throws
  /// Error.
  explicit GivenWords(const std::string& path);

  /// Takes the words of a document that comes as JSON, if its text is a list of words; documents must come in order. Returns
  /// true with the first one. Throws Error if some documents have words and others do not.
  bool begin_document(const JsonDocument& document);
  /// Returns the next word of a document, by its number.
  std::optional<GivenWord> next(std::int64_t document);
  /// Throws Error if words of the file are left.
  void check_all_used() const;

 private:
  struct Listed {
    std::int64_t document;
    std::deque<std::string> words;
    std::string place;
  };
  std::string path_;
  std::deque<GivenWord> lines_;
  std::deque<Listed> lists_;  // of documents whose words are not all handed out
  std::int64_t documents_ = 0;
  bool has_lists_ = false;
};

}  // namespace lm
