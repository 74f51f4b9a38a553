// The part of Tokenizer that knows file formats: load(), from_json(), to_json() and check_read_back().
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/written.h"
#include "text/files/bert_vocabulary.h"
#include "text/files/foreign.h"
#include "text/files/gguf_vocabulary.h"
#include "text/files/sentencepiece.h"
#include "text/files/tiktoken.h"
#include "text/files/tokenizer_config.h"
#include "text/files/tokenizer_json.h"
#include "text/files/vocabulary_merges.h"
#include "text/tokenizer.h"

namespace lm {

namespace {

/// Returns the first of these files that the folder has, or an empty string.
std::string first_file(const std::string& folder, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    std::string path = folder + "/" + name;
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

TokenizerParts read_any_file(const std::string& path, const TokenizerOptions& options) {
  const FileKind kind = kind_of_path(path);
  if (path.ends_with(".tiktoken") || kind == FileKind::tiktoken) return read_tiktoken_file(path, options);
  if (kind == FileKind::gguf) return parts_of(read_gguf_vocabulary(GgufFile::open(path)), path);
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  if (kind == FileKind::sentencepiece) return parts_of(read_sentencepiece(file.text(), path), path);
  return read_tokenizer_json(file.text(), input_name(path));
}

/// Reads the vocabulary of a folder; `source` becomes what names it in messages.
TokenizerParts read_folder(const std::string& folder, const TokenizerConfig& config, const TokenizerOptions& options,
                           std::string& source) {
  source = first_file(folder, {"tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"});
  if (!source.empty()) {
    TokenizerParts parts = read_any_file(source, options);
    if (kind_of_path(source) == FileKind::sentencepiece) apply_sentencepiece_class(config, folder, parts);
    return parts;
  }
  source = folder;
  const std::string words = first_file(folder, {"vocab.txt"});
  if (std::filesystem::exists(folder + "/vocab.json")) return read_vocabulary_folder(folder, config, options);
  if (words.empty()) {
    throw Error("invalid tokenizer '" + folder +
                "': the folder has neither tokenizer.json nor tokenizer.model, vocab.json or vocab.txt");
  }
  require_bert_class(config, folder);
  const BertVocabularyFlags flags{.do_lower_case = config.flag("do_lower_case").value_or(true),
                                  .strip_accents = config.flag("strip_accents"),
                                  .tokenize_chinese_chars = config.flag("tokenize_chinese_chars").value_or(true)};
  source = words;
  TokenizerParts parts =
      parts_of(read_bert_vocabulary(FileContent::read(words, kTokenizerLimit).text(), words, flags), words);
  add_configured_tokens(config, folder, parts);
  return parts;
}

}  // namespace

Tokenizer Tokenizer::load(const std::string& path, const TokenizerOptions& options) {
  if (!std::filesystem::is_directory(path)) return Tokenizer(read_any_file(path, options), options, input_name(path));
  const TokenizerConfig config = TokenizerConfig::read(path);
  std::string source;
  TokenizerParts parts = read_folder(path, config, options, source);
  apply_config(config, parts);
  return Tokenizer(std::move(parts), options, source);
}

Tokenizer Tokenizer::from_json(std::string_view text, std::string_view source, const TokenizerOptions& options) {
  return Tokenizer(read_tokenizer_json(text, source), options, source);
}

const std::string& Tokenizer::config_json() const { return tables_->parts.components.config; }

std::string Tokenizer::to_json() const { return write_tokenizer_json(*tables_); }

std::string Tokenizer::to_folder_json() const { return write_tokenizer_json(*tables_, opening()); }

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
