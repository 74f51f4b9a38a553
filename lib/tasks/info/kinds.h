// The parts of inspect(), by what kind of file they know.
#pragma once

#include <string>
#include <string_view>

#include "model/config.h"
#include "tasks/info/info.h"
#include "text/tokenizer.h"

namespace lm {

// Add the facts of a file of such a kind. Throw Error.
void inspect_model_file(FileInfo& info);    // model, other_model, adapter, shard
void inspect_model_folder(FileInfo& info);  // model_folder, adapter_folder
void inspect_shard_index(FileInfo& info);
void inspect_state(FileInfo& info);
void inspect_gguf(FileInfo& info);
void inspect_tokens(FileInfo& info);     // tokens, llmc_tokens
void inspect_tokenizer(FileInfo& info);  // tokenizer, tokenizer_folder, tiktoken, sentencepiece
void inspect_text(FileInfo& info);       // json, json_lines, config and the like: counts of lines
void inspect_counts(FileInfo& info);

/// Adds "tokenizer" facts: kind, size, pattern, fingerprint, tokens around a text, chat template.
void add_tokenizer_facts(FileInfo& info, const Tokenizer& tokenizer);
/// Adds a model's family and sizes.
void add_config_facts(FileInfo& info, const ModelConfig& config);
/// Adds the number of weights and bytes of info.tensors, and their types.
void add_tensor_facts(FileInfo& info);
/// Adds what can be done with a model that was trained on an objective.
void add_model_uses(FileInfo& info, std::string_view objective);

}  // namespace lm
