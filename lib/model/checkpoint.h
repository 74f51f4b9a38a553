// Models on disk: one self-contained safetensors file, or the folder that Hugging Face loads (lm-checkpoint(5)).
#pragma once

#include <map>
#include <string>

#include "model/config.h"
#include "model/parameters.h"

namespace lm {

/// What travels with the weights.
struct ModelRecord {
  ModelConfig config;
  std::string objective = "causal";  // as --objective names it
  std::string tokenizer_json;        // the whole tokenizer.json; empty in files from elsewhere
  std::string progress;              // lm.progress as JSON; empty in files from elsewhere
  TokenId end_of_text = 0;           // for config.json of a folder
};

struct LoadedModel {
  ModelRecord record;
  Parameters<float> parameters;
  std::string path;
};

/// A model file, or a folder holding model.safetensors (its lm.* metadata is believed over config.json and tokenizer.json, which
/// serve models from elsewhere). Throws Error where anything is missing, of another shape, non-finite, or fails its checksum.
LoadedModel load_model(const std::string& path);

/// Writes a file (or "-": standard output), or, where `path` ends in '/' or is a folder, the folder: config.json, model.safetensors,
/// tokenizer.json, tokenizer_config.json, written whole under a temporary name and exchanged.
void save_model(const std::string& path, const ModelRecord& record, const Parameters<float>& parameters);

/// True where save_model would write a folder.
bool is_model_folder(const std::string& path);

}  // namespace lm
