// The text around a middle, read from where a user says it is.
#pragma once

#include <optional>
#include <string>

#include "base/text_input.h"
#include "tasks/infill/infill_text.h"

namespace lm {

struct InfillSource {
  std::string prefix_file = {}, suffix_file = {};  // with one of them, what is before and after the middle
  std::string text = "-";                          // else a text, cut at the cursor, or without one at the marker
  std::string marker = "[FIM]";
  std::optional<Cursor> cursor = {};
  Accept accept = Accept::text;

  bool is_two_files() const { return !prefix_file.empty() || !suffix_file.empty(); }
};

/// Holds the text and knows where it is cut.
class InfillInput {
 public:
  /// Throws Error if a file cannot be read, or the place of the middle is not in the text.
  explicit InfillInput(const InfillSource& source);
  InfillInput(const InfillInput&) = delete;
  InfillInput& operator=(const InfillInput&) = delete;
  const InfillText& parts() const { return parts_; }

 private:
  std::string text_;
  InfillText parts_;
};

}  // namespace lm
