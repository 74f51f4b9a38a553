#include "tasks/load_tokenizer.h"

#include <sys/stat.h>

#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/safetensors.h"

namespace lm {

bool looks_like_safetensors(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const FileDescriptor input = open_input(path);
  std::array<unsigned char, 9> start{};
  if (read_some(input, start.data(), start.size()) != start.size() || start[8] != '{') return false;
  std::uint64_t header_size = 0;
  for (std::size_t i = 8; i-- > 0;) header_size = header_size << 8 | start[i];
  return header_size < static_cast<std::uint64_t>(status.st_size);
}

void require_same_tokenizer(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view source) {
  if (info.fingerprint == tokenizer.fingerprint() && info.vocab_size == tokenizer.vocab_size() &&
      info.end_of_text == tokenizer.end_of_text()) {
    return;
  }
  throw Error("cannot use '" + std::string(source) + "': made with tokenizer " + to_hex(info.fingerprint).substr(0, 8) +
              ", model expects " + to_hex(tokenizer.fingerprint()).substr(0, 8) + "; re-run tok-encode");
}

SpecialIds special_ids(const Tokenizer& tokenizer) {
  SpecialIds ids{.mask = tokenizer.id_of("<|mask|>"),
                 .fim_prefix = tokenizer.id_of("<|fim_prefix|>"),
                 .fim_suffix = tokenizer.id_of("<|fim_suffix|>"),
                 .fim_middle = tokenizer.id_of("<|fim_middle|>"),
                 .sentinels = {}};
  for (;;) {
    const auto sentinel = tokenizer.id_of("<|extra_" + std::to_string(ids.sentinels.size()) + "|>");
    if (!sentinel) return ids;
    ids.sentinels.push_back(*sentinel);
  }
}

Tokenizer load_tokenizer(const std::string& path, const TokenizerOptions& options) {
  if (!looks_like_safetensors(path)) return Tokenizer::load(path, options);
  const SafetensorsFile file = SafetensorsFile::open(path);
  if (file.metadata("train.state") != nullptr) {
    throw Error("'" + path +
                "' is a training state, from which no tokenizer is taken; name the tokenizer.json or model that " +
                "its run began with, or get a model: lm-train --resume ends the run, SIGUSR1 makes it write one now");
  }
  const std::string* json = file.metadata("lm.tokenizer");
  if (json == nullptr) throw Error("no tokenizer inside '" + path + "'; name a tokenizer.json");
  return Tokenizer::from_json(*json, path, options);
}

}  // namespace lm
