// The part of Tokenizer that knows file formats: load(), from_json(), to_json() and check_read_back().
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/written.h"
#include "text/files/tiktoken.h"
#include "text/files/tokenizer_json.h"
#include "text/files/vocabulary_merges.h"
#include "text/tokenizer.h"

namespace lm {

namespace {

Tokenizer load_folder(const std::string& path, const TokenizerOptions& options) {
  const std::string json = path + "/tokenizer.json";
  if (std::filesystem::exists(json)) {
    const FileContent file = FileContent::read(json, kTokenizerLimit);
    return Tokenizer::from_json(file.text(), json, options);
  }
  if (!std::filesystem::exists(path + "/vocab.json"))
    throw Error("invalid tokenizer '" + path + "': the folder has neither tokenizer.json nor vocab.json");
  return Tokenizer(read_vocabulary_folder(path, options), options, path);
}

}  // namespace

Tokenizer Tokenizer::load(const std::string& path, const TokenizerOptions& options) {
  if (std::filesystem::is_directory(path)) return load_folder(path, options);
  if (path.ends_with(".tiktoken") || kind_of_path(path) == FileKind::tiktoken)
    return Tokenizer(read_tiktoken_file(path, options), options, path);
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  return from_json(file.text(), input_name(path), options);
}

Tokenizer Tokenizer::from_json(std::string_view text, std::string_view source, const TokenizerOptions& options) {
  return Tokenizer(read_tokenizer_json(text, source), options, source);
}

std::string Tokenizer::to_json() const { return write_tokenizer_json(*tables_); }

void Tokenizer::check_read_back(std::string_view json, std::string_view target) const {
  std::string why;
  try {
    const Tokenizer read = from_json(json, target);
    if (read.fingerprint() != fingerprint()) {
      why = "has the fingerprint " + to_hex(read.fingerprint()).substr(0, 8) + ", not " + to_hex(fingerprint()).substr(0, 8);
    } else if (read.end_of_text() != end_of_text()) {
      why = "ends texts with token " + std::to_string(read.end_of_text()) + ", not " + std::to_string(end_of_text());
    }
  } catch (const Error& error) {
    why = std::string("is refused (") + error.what() + ")";
  }
  if (!why.empty()) refuse_written(target, "has a tokenizer that " + why);
}

}  // namespace lm
