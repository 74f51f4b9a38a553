// Refusing names of outputs that promise a format which the program does not write (model.gguf, tokens.npy).
#pragma once

#include <string>

namespace lm::cmd {

enum class OutputKind { text, tokens, tokenizer, model, features };

/// Throws UsageError, saying which format is written, if the name ends as those of another format do (text.gz). `option` is
/// the one that gave the name.
void check_output_name(const std::string& option, const std::string& path, OutputKind kind);

}  // namespace lm::cmd
