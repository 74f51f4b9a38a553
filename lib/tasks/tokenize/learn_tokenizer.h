// Learning a tokenizer: texts, or counts that were made of them, in; counts or a tokenizer out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/simd_tier.h"
#include "text/documents.h"
#include "text/tokenizer.h"
#include "text/training/bpe_trainer.h"
#include "text/training/pretoken_store.h"

namespace lm {

struct CountRequest {
  std::vector<std::string> texts = {};   // counted; none: standard input
  std::vector<std::string> counts = {};  // if there are any, read instead of texts
  DocumentKind documents = {};           // how texts are cut
  bool keeps_pattern = false;            // counts of another pattern are refused; else the first ones' pattern is taken
  SimdTier tier = best_simd_tier();
};

/// How much memory counting and training may take of the bytes that the process may have, which is what the program has already
/// taken, some more for what it reads and writes, and the rest.
struct MemoryPlan {
  std::uint64_t before = 0;         // the program's
  std::uint64_t rest = UINT64_MAX;  // counts and training
  std::size_t block = 0;            // of text that a thread takes at a time
};
/// Throws Error, naming what would do, if `limit` leaves nothing for the work.
MemoryPlan plan_memory(std::uint64_t limit, int threads, std::int64_t vocab_size);

/// Is called while texts are counted.
using CountProgress = std::function<void(std::uint64_t bytes)>;

/// Adds what the request names to `counts`, as the trainer with these options needs it, and finishes them. Throws Error for
/// counts that were made with other options.
void count_pretokens(PretokenStore& counts, const CountRequest& request, const MemoryPlan& memory,
                     BpeTrainerOptions& options, ThreadPool& pool, const CountProgress& progress);

/// Writes counts to a file, or to standard output for "-"; afterwards they can only be cleared.
void write_counts(const std::string& path, PretokenStore& counts, const BpeTrainerOptions& options);

/// Writes a tokenizer.json to a file, or to standard output for "-". Throws Error if it does not read back as it was.
void write_tokenizer(const std::string& path, const Tokenizer& tokenizer);

}  // namespace lm
