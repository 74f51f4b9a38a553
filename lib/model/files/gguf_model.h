// GgufModel: a GGUF model whose configuration is known, with the place of each of its tensors. Nothing is read before it is
// asked for.
#pragma once

#include <cstdint>
#include <string>

#include "model/config.h"
#include "model/decoding_weights.h"
#include "model/files/folder_texts.h"
#include "model/files/gguf_architecture.h"
#include "model/files/gguf_parts.h"
#include "model/parameters.h"

namespace lm {

/// Where a tensor's rows lie, in blocks of `type`. A vector has one row, or, if its elements are in pairs, as many as
/// elements.
struct GgufPlace {
  const GgufFile* file = nullptr;
  GgmlType type = GgmlType::f32;
  std::uint64_t offset = 0;      // of the first row's first byte in the file
  std::int64_t rows = 0;         // of so many values each:
  std::int64_t columns = 0;      // a whole number of blocks
  std::int64_t row_bytes = 0;    // of a row; the next one follows
  std::int64_t paired_rows = 0;  // not 0: rows of a head, of which those that turn together are neighbours
  float gain_offset = 0;         // what the numbers are more than those in memory: 1 for gains that Gemma's class adds 1 to

  /// Returns the row in memory of a row in the file: of n rows of a head, rows 2i and 2i + 1 are i and n / 2 + i.
  std::int64_t memory_row(std::int64_t row) const {
    if (paired_rows == 0) return row;
    const std::int64_t in_head = row % paired_rows;
    return row - in_head + in_head % 2 * (paired_rows / 2) + in_head / 2;
  }
  /// Returns the row in the file of one in memory.
  std::int64_t file_row(std::int64_t row) const {
    if (paired_rows == 0) return row;
    const std::int64_t in_head = row % paired_rows, half = paired_rows / 2;
    return row - in_head + 2 * (in_head % half) + in_head / half;
  }
};

class GgufModel : public MatrixSource {
 public:
  /// Opens a file, with the parts that follow it. Throws Error for an architecture, a key or a type of tensors that is not
  /// known, and unless all tensors of the model are there, with their shapes, and no others.
  static GgufModel open(const std::string& path);

  const GgufParts& parts() const { return parts_; }
  const std::string& name() const { return parts_.name(); }
  const ModelConfig& config() const { return config_; }
  /// Returns the texts of a folder of the same model: config.json.
  const FolderTexts& folder() const { return folder_; }
  /// Returns whether it has a vocabulary.
  bool has_vocabulary() const;

  /// Returns the place of a tensor of Parameters with config().
  GgufPlace place(const TensorSpec& spec) const;
  /// Reads a tensor as floats. Throws Error if one is not finite.
  void read(const TensorSpec& spec, TensorView<float> values) const;

  StoredRows rows_of(const TensorSpec& spec) const override;
  [[noreturn]] void refuse_not_finite(const TensorSpec& spec) const override;

 private:
  explicit GgufModel(GgufParts parts);
  GgufFound find_part(const TensorSpec& spec, std::int64_t& first_row) const;
  void check_sizes() const;
  void check_tensors() const;
  [[noreturn]] void refuse_shape(const GgufFound& found, const TensorSpec& spec) const;

  GgufParts parts_;
  const GgufArchitecture* architecture_ = nullptr;
  ModelConfig config_;
  FolderTexts folder_;
};

}  // namespace lm
