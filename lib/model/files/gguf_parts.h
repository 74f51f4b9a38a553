// GgufParts: the tensors of a GGUF model, in one file or in the parts that gguf-split makes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"

namespace lm {

/// A tensor, and the part that has it.
struct GgufFound {
  const GgufFile* file = nullptr;
  const GgufTensor* tensor = nullptr;
};

class GgufParts {
 public:
  /// Opens a file, and the others if it is the first of several (NAME-00001-of-00003.gguf). Throws Error if it is another of
  /// them, one is missing or belongs to other parts, or two have one tensor.
  static GgufParts open(const std::string& path);

  /// Returns the file that was named, which has the metadata.
  const GgufFile& first() const { return files_.front(); }
  const std::vector<GgufFile>& files() const { return files_; }
  const std::string& name() const { return first().name(); }
  std::size_t tensor_count() const;
  /// Returns the tensor of that name; empty if there is none.
  GgufFound find(std::string_view tensor) const;
  bool has(std::string_view tensor) const { return find(tensor).tensor != nullptr; }
  /// Reads a vector of floats. Throws Error naming the tensor if it is none, or not finite.
  std::vector<float> vector(std::string_view tensor) const;

 private:
  std::vector<GgufFile> files_;
};

/// Returns the names of all parts of which a file is the first by its name: of "m-00001-of-00003.gguf" three; of others none.
/// Nothing is opened.
std::vector<std::string> gguf_part_names(const std::string& path);

/// Returns the product of a tensor's sizes, all of which fit into its file.
std::int64_t gguf_elements(const GgufTensor& tensor);

/// Returns how the weights of a model are stored, as people name it: "Q4_K_M", by general.file_type, or else by the type
/// that most weights have.
std::string gguf_file_type(const GgufParts& parts);

/// Returns whether some tensor is in blocks of quantized numbers.
bool is_quantized(const GgufParts& parts);

}  // namespace lm
