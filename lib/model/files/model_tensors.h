// ModelTensors: a model's tensors in one safetensors file, or in the shards that a folder's index lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/files/safetensors.h"
#include "model/parameters.h"

namespace lm {

/// A tensor, and the file that has it.
struct FoundTensor {
  const SafetensorsFile* file = nullptr;
  const TensorEntry* entry = nullptr;
};

class ModelTensors {
 public:
  /// Opens a file.
  static ModelTensors open(const std::string& path);
  /// Opens a folder's model.safetensors, else the shards of its model.safetensors.index.json. Throws Error if there is neither;
  /// if the index names a file outside the folder, or a tensor that its file lacks; or if two shards have one tensor.
  static ModelTensors open_folder(const std::string& folder);

  /// Returns what messages call it: the file, or the index.
  const std::string& name() const { return name_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }
  /// Returns the string of a key of the only file; null if there is none, or more than one file.
  const std::string* metadata(std::string_view key) const;
  /// Returns the tensor of that name; empty if there is none.
  FoundTensor find(std::string_view name) const;
  /// Returns a model's tensor by the names that files have for it: that of the family, without what base models lack, and
  /// with LayerNorm's older words. Empty if there is none.
  FoundTensor find(const TensorSpec& spec, Family family) const;

 private:
  ModelTensors(std::string name, std::vector<SafetensorsFile> files) : name_(std::move(name)), files_(std::move(files)) {}
  static ModelTensors open_shards(const std::string& folder, const std::string& index);
  std::string name_;
  std::vector<SafetensorsFile> files_;
};

/// Returns whether a tensor may be left unread: what some files hold beside the weights, such as constants, copies of tied
/// matrices, and heads for other tasks.
bool is_harmless(std::string_view name, const ModelConfig& config);
/// Returns whether a tensor that may be left unread has learned something that other programs use: of a masked model, what
/// says whether texts follow each other, and the summary of a text.
bool is_for_other_task(std::string_view name, const ModelConfig& config);
/// Returns whether a tensor is the bias of the product with the vocabulary, by either of its names.
bool is_head_bias(std::string_view name, const ModelConfig& config);

/// Returns a tensor's shape on disk.
std::vector<std::int64_t> shape_on_disk(const TensorSpec& spec);
/// Returns a shape for people: "(4, 8)".
std::string shape_text(const std::vector<std::int64_t>& shape);

/// Throws Error unless a tensor was found and has its shape.
void check_tensor(const FoundTensor& found, const TensorSpec& spec, const std::string& name, const std::string& source);

/// Reads a tensor into its elements in memory. Throws Error if it is missing, has another shape, or is not finite.
void read_tensor(const FoundTensor& found, const TensorSpec& spec, const std::string& name, const std::string& source,
                 TensorView<float> values);

/// Gives a tensor's elements in their order on disk, piece by piece.
void produce_tensor(const TensorSpec& spec, const float* values, const TensorSource::Sink& sink);

}  // namespace lm
