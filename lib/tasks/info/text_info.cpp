// Tokenizers, token streams, counts and JSON files.
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/little_endian.h"
#include "base/random_access.h"
#include "data/token_file.h"
#include "tasks/info/kinds.h"
#include "text/tokenizer_tables.h"
#include "text/training/counts_file.h"

namespace lm {
namespace {

/// Returns tokens as their names.
JsonValue::Array names_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  JsonValue::Array names;
  for (const TokenId id : ids) names.emplace_back(std::string(tokenizer.bytes_of(id)) + " (" + std::to_string(id) + ")");
  return names;
}

std::string kind_of_vocabulary(const TokenizerParts& parts) {
  if (parts.form == TokenizerParts::Form::bytes) return parts.by_rank ? "byte-level BPE by ranks" : "byte-level BPE";
  std::string kind = to_string(parts.kind);
  if (parts.byte_fallback) kind += " with bytes";
  return kind;
}

}  // namespace

void add_tokenizer_facts(FileInfo& info, const Tokenizer& tokenizer) {
  InfoFacts& facts = info.facts;
  const TokenizerParts& parts = tokenizer.tables().parts;
  facts.set("tokenizer", kind_of_vocabulary(parts)).set("tokens_in_vocabulary", tokenizer.vocab_size());
  std::int64_t special = 0;
  for (const AddedToken& added : parts.added) special += added.special ? 1 : 0;
  facts.set("special_tokens", special);
  if (parts.form == TokenizerParts::Form::bytes) facts.set("pattern", to_string(parts.pattern));
  facts.set("fingerprint", to_hex(tokenizer.fingerprint()));
  facts.set("end_of_text", names_of(tokenizer, {tokenizer.end_of_text()}));
  if (!tokenizer.begin_tokens().empty()) facts.set("begins_with", names_of(tokenizer, tokenizer.begin_tokens()));
  const std::string& config = tokenizer.config_json();
  if (!config.empty() && JsonValue::parse(config, "tokenizer_config.json").find("chat_template") != nullptr)
    facts.set("chat_template", true);
  for (const std::string& note : tokenizer.notes()) info.notes.push_back(note);
}

void inspect_tokenizer(FileInfo& info) {
  add_tokenizer_facts(info, Tokenizer::load(info.path));
  info.uses.emplace_back("tok-encode -t, tok-decode -t and lm-train -t take it; lm-convert writes it in another form");
}

void inspect_tokens(FileInfo& info) {
  InfoFacts& facts = info.facts;
  if (info.kind == FileKind::llmc_tokens) {
    const RandomAccessFile file(open_input(info.path), info.path);
    std::string header(12, '\0');
    file.read(0, header.data(), header.size());
    const auto magic = load_little<std::int32_t>(header.data());
    constexpr std::int32_t kWide = 20240801;
    facts.set("tokens", std::int64_t{load_little<std::int32_t>(header.data() + 8)});
    facts.set("bytes_per_token", magic == kWide ? 4 : 2);
    info.uses.emplace_back("tok-decode -t TOKENIZER --from llmc reads it");
    return;
  }
  const TokenFile file = TokenFile::open(info.path, "/tmp");
  const TokenFileInfo& stream = file.info();
  facts.set("tokens", file.size());
  if (stream.documents) facts.set("documents", *stream.documents);
  facts.set("tokens_in_vocabulary", stream.vocab_size).set("bytes_per_token", stream.bytes_per_token());
  facts.set("end_of_text", std::int64_t{stream.end_of_text});
  if (stream.begins) facts.set("begins", "each document with the tokenizer's begin tokens");
  facts.set("fingerprint", to_hex(stream.fingerprint));
  info.uses.emplace_back("lm-train trains on it; lm-eval-ppl scores it; tok-decode -t TOKENIZER makes text of it");
}

void inspect_counts(FileInfo& info) {
  const FileDescriptor file = open_input(info.path);
  CountsReader reader([&](void* buffer, std::size_t size) { return read_some(file, buffer, size); }, info.path);
  while (reader.next()) {
  }
  info.facts.set("pattern", to_string(reader.header().pattern)).set("unit", to_string(reader.header().unit));
  info.facts.set("pretokens", static_cast<std::int64_t>(reader.totals().pretokens));
  info.facts.set("occurrences", static_cast<std::int64_t>(reader.totals().occurrences));
  info.uses.emplace_back("tok-train --from-counts learns a tokenizer from it");
}

void inspect_text(FileInfo& info) {
  const JsonValue json = JsonValue::parse(FileContent::read(info.path, kTokenizerLimit).text(), info.path);
  if (json.if_object() == nullptr) return;
  for (const char* key : {"model_type", "architectures", "tokenizer_class", "peft_type", "base_model_name_or_path"}) {
    const JsonValue* value = json.find(key);
    if (value != nullptr && !value->is_null()) info.facts.set(key, *value);
  }
}

}  // namespace lm
