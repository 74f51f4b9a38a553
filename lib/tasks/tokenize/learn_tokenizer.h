// Learning a tokenizer: texts, or counts that were made of them, in; a tokenizer out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "text/bpe_trainer.h"
#include "text/documents.h"
#include "text/pretoken_counts.h"
#include "text/tokenizer.h"

namespace lm {

struct CountRequest {
  std::vector<std::string> texts = {};   // counted; none: standard input
  std::vector<std::string> counts = {};  // if there are any, read instead of texts
  DocumentKind documents = {};           // how texts are cut
  bool keeps_pattern = false;            // counts of another pattern are refused; else the first ones' pattern is taken
};

/// Is called while texts are counted.
using CountProgress = std::function<void(std::uint64_t bytes)>;

/// Adds what the request names to `counts`, as the trainer with these options needs it. Throws Error for counts that were
/// made with other options.
void count_pretokens(PretokenCounts& counts, const CountRequest& request, BpeTrainerOptions& options,
                     const CountProgress& progress);

/// Writes counts to a file, or to standard output for "-".
void write_counts(const std::string& path, const PretokenCounts& counts, const BpeTrainerOptions& options);

/// Writes a tokenizer.json to a file, or to standard output for "-". Throws Error if it does not read back as it was.
void write_tokenizer(const std::string& path, const Tokenizer& tokenizer);

}  // namespace lm
