// What a model's folder holds beside its weights, for Hugging Face's transformers and for what reads the same files.
#pragma once

#include <string>
#include <vector>

#include "model/files/checkpoint.h"
#include "model/files/folder_texts.h"

namespace lm {

/// Returns the texts of the folder that save_model() writes, by name: all files except model.safetensors. Those of a folder
/// from elsewhere come as they were; its config.json differs in what is different now: the class, if the folder was of a model
/// without a head; the type of the weights; what a model that looks both ways needs. Throws Error for a model whose family is
/// only read from folders, without the config.json that it came from, and if config.json would be read as another model.
FolderTexts folder_files(const ModelRecord& record);

/// Returns whether a folder that is written may have a file of that name.
bool is_folder_file(std::string_view name);

/// Returns a sentence for each thing that the user of the folder should know.
std::vector<std::string> folder_notes(const ModelRecord& record);

}  // namespace lm
