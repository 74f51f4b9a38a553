#include "tasks/tokenize/convert_tokenizer.h"

#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "tasks/load_tokenizer.h"
#include "tasks/tokenize/learn_tokenizer.h"
#include "text/files/tokenizer_export.h"

namespace lm {
namespace {

void write_file(const std::string& path, std::string_view text) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  output->write(text);
  output->close();
}

/// Refuses a folder that has files which would be read as part of the tokenizer.
void refuse_other_tokenizer(const std::string& folder) {
  for (const char* name :
       {"tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt",
        "merges.txt", "added_tokens.json", "special_tokens_map.json", "chat_template.jinja", "tokenizer_config.json"}) {
    if (exists(folder + name)) {
      throw Error("cannot write the folder '" + folder + "': it holds '" + name +
                  "' of a tokenizer already; name a new folder, or remove that tokenizer");
    }
  }
}

void write_folder(const std::string& folder, const Tokenizer& tokenizer) {
  refuse_other_tokenizer(folder);
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) throw_system_error("create folder", folder, errno);
  if (has_vocabulary_and_merges(tokenizer)) {
    write_file(folder + "vocab.json", vocabulary_json(tokenizer, folder));
    write_file(folder + "merges.txt", merges_text(tokenizer, folder));
  }
  write_file(folder + "tokenizer_config.json", tokenizer_config(tokenizer, std::nullopt));
  write_tokenizer(folder + "tokenizer.json", tokenizer);
}

}  // namespace

TokenizerForm tokenizer_form(const std::string& name) {
  if (name == "-" || name.ends_with(".json")) return TokenizerForm::json;
  if (name.ends_with("/")) return TokenizerForm::folder;
  if (name.ends_with(".tiktoken")) return TokenizerForm::tiktoken;
  throw Error(
      "the name '" + name +
      "' does not say in which form to write; let it end with .json or .tiktoken for a tokenizer, .safetensors or .gguf "
      "for a model, / for a folder of either");
}

void write_tokenizer_as(const std::string& name, TokenizerForm form, const Tokenizer& tokenizer) {
  switch (form) {
    case TokenizerForm::json:
      return write_tokenizer(name, tokenizer);
    case TokenizerForm::folder:
      return write_folder(name, tokenizer);
    case TokenizerForm::tiktoken:
      return write_file(name, tiktoken_text(tokenizer, name));
  }
}

}  // namespace lm
