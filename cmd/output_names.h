// Names of outputs that promise what is not written.
#pragma once

#include <string>

namespace lm::cmd {

enum class OutputKind { text, tokens, tokenizer, model };

/// Throws UsageError if the name's ending is that of a format that is not written (model.gguf, tokens.npy, text.gz), saying
/// what is. `option` is the one that gave the name.
void check_output_name(const std::string& option, const std::string& path, OutputKind kind);

}  // namespace lm::cmd
