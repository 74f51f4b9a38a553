// The documents that a run has read, hashed, so that a later run can tell that it reads the same and skip them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/hash.h"
#include "tasks/evaluate/evaluate.h"

namespace lm {

/// Stands between who reads documents and who scores them.
class ReadDocuments {
 public:
  /// The first `skip` documents are not handed on; their hash must be `hash`.
  ReadDocuments(DocumentTokens next, std::int64_t skip, std::string hash);
  ReadDocuments(const ReadDocuments&) = delete;
  ReadDocuments& operator=(const ReadDocuments&) = delete;

  /// Returns what documents are to be given to; must not outlive this. It throws Error if those that are skipped are others.
  DocumentTokens sink();
  /// Throws Error if there were fewer documents than are skipped.
  void check_all_skipped() const;
  /// Returns the hash of all documents up to the next one that is done with, which the caller says is: they are done in order.
  std::string take_hash();

 private:
  bool skips() const { return count_ < skip_; }
  void hash_bytes(const void* bytes, std::size_t size);
  void end();

  DocumentTokens next_;
  std::int64_t skip_;
  std::string expected_;
  Hasher hasher_;
  std::int64_t count_ = 0;  // documents that have ended
  std::uint64_t size_ = 0;  // bytes hashed of the one that grows
  bool in_json_ = false, has_text_ = false;
  std::deque<Fingerprint> hashes_;  // after each document that was handed on and is not done with
};

}  // namespace lm
