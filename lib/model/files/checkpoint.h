// Models on disk: one self-contained safetensors file, a folder that Hugging Face loads (lm-checkpoint(5)), or a GGUF file,
// which is only read (lm-gguf(5)).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/token.h"
#include "model/config.h"
#include "model/decoding_weights.h"
#include "model/files/folder_facts.h"
#include "model/files/folder_texts.h"
#include "model/files/safetensors.h"
#include "model/files/text_ends.h"
#include "model/parameters.h"

namespace lm {

/// What travels with the weights.
struct ModelRecord {
  ModelConfig config;
  std::string objective = "causal";        // as --objective names it
  std::string tokenizer_json;              // the whole tokenizer.json; empty in files from elsewhere
  bool tokenizer_in_file = false;          // of a GGUF file that has a vocabulary
  std::string progress;                    // lm.progress as JSON; empty in files from elsewhere
  TextEnds ends = {};                      // what ends a text beside end-of-text; only ids are written
  FolderTexts folder = {};                 // of the folder from elsewhere that it came from; empty: it came from none
  FolderFacts facts = {};                  // for a folder that is written; not read
  std::vector<std::string> notes = {};     // what the user should know of a configuration from elsewhere
  std::vector<std::string> left_out = {};  // likewise, of what a model that is written from it lacks
};

struct LoadedModel {
  ModelRecord record;
  Parameters<float> parameters;  // with Matrices::in_file only the small ones, if there are `matrices`
  std::string path;
  std::shared_ptr<const MatrixSource> matrices = nullptr;  // of a GGUF file, which stays open
};

/// Whether a model's matrices are read when it is loaded, or left in its file (of GGUF files; other models' are read).
enum class Matrices { in_memory, in_file };

/// Loads a model file, a folder with model.safetensors (whose lm.* metadata is believed over config.json, which serves
/// models from elsewhere; their tokenizer is in files of its own), or a GGUF file. Throws Error if anything is missing, has
/// another shape, is not finite, or fails its checksum.
LoadedModel load_model(const std::string& path, Matrices matrices = Matrices::in_memory);

/// Writes a file ("-": to standard output) or, if `path` ends in '/' or is a folder, the folder: model.safetensors and
/// folder_files(), written whole under a temporary name and exchanged.
void save_model(const std::string& path, const ModelRecord& record, const Parameters<float>& parameters);

/// Throws Error if save_model would refuse `path`: before hours of work. Nothing is written.
void check_model_destination(const std::string& path);

/// Returns whether save_model would write a folder.
bool is_model_folder(const std::string& path);

/// Return the `lm.*` strings of a record, and the record of a file that has them (lm.config at least).
SafetensorsMetadata model_metadata(const ModelRecord& record);
ModelRecord model_record(const SafetensorsFile& file);
/// Returns the record that such strings say; `name` is their file.
ModelRecord model_record(const SafetensorsMetadata& metadata, const std::string& name);

/// Appends every tensor of `parameters`, named `prefix` + its Hugging Face name, in its layout on disk. The parameters must
/// outlive `sources`.
void add_sources(std::vector<TensorSource>& sources, const Parameters<float>& parameters, const std::string& prefix = "");
/// Fills all tensors of `parameters` from those of the same names. Throws Error if one is missing, has another shape, or is
/// not finite.
void read_tensors(Parameters<float>& parameters, const SafetensorsFile& file, const std::string& prefix = "");

}  // namespace lm
