// Importance files: mean squares of what matrices are multiplied by, in the two forms of llama.cpp's imatrix.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lm {

// A weight matters as much as what it is multiplied by: its rounding adds e * x to an output, so that errors are weighted by the mean
// of x^2. llama.cpp's tools write these sums as GGUF (tensors NAME.in_sum2 and NAME.counts), and wrote them as a plain file before.

/// Of each matrix, by its name in GGUF files, the mean squares of the columns of what it is multiplied by.
using Importance = std::map<std::string, std::vector<float>, std::less<>>;

/// What is added up of one matrix.
struct ImportanceSums {
  std::vector<double> squares;  // by column
  std::int64_t rows = 0;        // that were added
};

struct ImportanceRecord {
  std::map<std::string, ImportanceSums, std::less<>> sums;  // by names of GGUF files
  std::vector<std::string> datasets;                        // names of the texts
  std::int64_t window = 0;                                  // tokens of a chunk
};

/// Reads a file of either form. Throws Error naming it for another one, for one that breaks off, and for numbers that are not finite or
/// negative.
Importance read_importance(const std::string& path);

/// Writes the GGUF form ("-": to standard output). The same sums give the same bytes.
void write_importance(const std::string& path, const ImportanceRecord& record);

}  // namespace lm
