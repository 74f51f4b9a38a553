// Outputs of a run that can be interrupted: they grow under names of their own, beside a journal of what they hold.
//
// OUT.partial receives whole documents, and OUT.journal says, after each of a run's saves, of how many documents its first so
// many bytes are, and what these documents were. A run that begins where there is a journal cuts the partial files to what it
// says, so that whatever a killed run wrote after its last save is written again and nothing twice. At the end the files take
// their names and the journal goes. A journal of another model, of other options or of other documents is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace lm {

/// What a save says beside the outputs' sizes.
struct JournalEntry {
  std::int64_t documents = 0;  // of which the outputs hold the rows
  std::string hash;            // of these documents
  JsonValue state;             // whatever the run needs to continue
};

class ResumableOutputs {
 public:
  /// `rejected` may be empty. `settings` is what a later run must have in common with this one, each under the name that an
  /// error calls it by. Takes the locks of both. Throws Error, also
  /// if one of them is there and is no regular file.
  ResumableOutputs(const std::string& output, const std::string& rejected, const JsonValue& settings);
  ~ResumableOutputs();

  OutputStream& output();
  OutputStream* rejected();
  /// Returns the last save of an earlier run; nothing if there was none.
  const std::optional<JournalEntry>& entry() const { return entry_; }
  /// Returns true if an earlier run had written everything: finish() is what is left.
  bool is_complete() const { return complete_; }

  /// Makes what was written so far last, whatever happens to this run.
  void save(const JournalEntry& entry);
  /// Gives the files their names, and removes the journal.
  void finish();

 private:
  struct Partial;
  void read_journal();
  void write_journal(const JournalEntry& entry, bool complete);
  [[noreturn]] void refuse(const std::string& why) const;

  std::string journal_;
  JsonValue settings_;
  std::unique_ptr<Partial> output_, rejected_;
  std::optional<JournalEntry> entry_;
  bool complete_ = false;
};

}  // namespace lm
