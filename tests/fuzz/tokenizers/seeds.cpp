#include "fuzz/tokenizers/seeds.h"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/utf8.h"
#include "support/gguf_file.h"
#include "text/files/tokenizer_export.h"
#include "text/tokenizer.h"
#include "text/tokenizer_tables.h"

namespace lm::fuzz {

using test::GgufBuilder;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string byte_name(unsigned byte) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "<0x%02X>", byte);
  return text.data();
}

std::vector<std::string> pieces_of(const std::string& space) {
  std::vector<std::string> pieces;
  for (char c = '!'; c <= '~'; ++c) pieces.emplace_back(1, c);
  for (const char* piece : {"e", "t", "th", "the", "in", "er", "an", "re", "\xC3\xA9", "\xE4\xB8\x80"}) {
    if (std::string(piece).size() > 1) pieces.emplace_back(piece);
    pieces.push_back(space + piece);
  }
  pieces.push_back(space);
  return pieces;
}

std::vector<float> scores_for(std::size_t count) {
  std::vector<float> scores;
  for (std::size_t i = 0; i < count; ++i) scores.push_back(-static_cast<float>(i) / 8);
  return scores;
}

GgufBuilder gguf_of(const std::string& model, const std::vector<std::string>& tokens,
                    const std::vector<std::int32_t>& types) {
  GgufBuilder builder;
  builder.string("general.architecture", "llama").string("tokenizer.ggml.model", model);
  builder.strings("tokenizer.ggml.tokens", tokens).integers("tokenizer.ggml.token_type", types);
  return builder;
}

/// Returns a GGUF file of one of the kinds llama, t5, bert and gpt2.
std::string small_gguf(const std::string& model) {
  const std::string space = model == "gpt2" ? "\xC4\xA0" : "\xE2\x96\x81";
  std::vector<std::string> tokens = {"<pad>", "</s>", "<unk>", "<|endoftext|>"};
  if (model == "llama") tokens = {"<unk>", "<s>", "</s>", "<|endoftext|>"};
  if (model == "bert") tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
  std::vector<std::int32_t> types = {3, 3, 2, 3};
  if (model == "llama") types = {2, 3, 3, 4};
  if (model == "bert") types = {3, 3, 3, 3};
  if (model == "llama") {
    for (unsigned byte = 0; byte < 256; ++byte) {
      tokens.push_back(byte_name(byte));
      types.push_back(6);
    }
  }
  for (const std::string& piece : pieces_of(space)) tokens.push_back(piece);
  if (model == "bert") tokens.pop_back();  // it has no space alone
  types.resize(tokens.size(), 1);
  GgufBuilder builder = gguf_of(model, tokens, types);
  if (model == "gpt2") {
    builder.string("tokenizer.ggml.pre", "qwen2");
    builder.strings("tokenizer.ggml.merges", {"t h", "th e", space + " t", space + "t h", "i n", "e r", "a n"});
  } else if (model == "bert") {
    builder.number("tokenizer.ggml.cls_token_id", 2).number("tokenizer.ggml.seperator_token_id", 3);
    builder.number("tokenizer.ggml.unknown_token_id", 1);
  } else {
    builder.floats("tokenizer.ggml.scores", scores_for(tokens.size()));
  }
  if (model == "t5") {
    builder.boolean("tokenizer.ggml.remove_extra_whitespaces", true).boolean("tokenizer.ggml.add_space_prefix", true);
  }
  return builder.tensor("x", 8).file();
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}
std::string field(unsigned number, std::string_view bytes) {
  return varint(number << 3U | 2U) + varint(bytes.size()) + std::string(bytes);
}
std::string field(unsigned number, unsigned value) { return varint(number << 3U) + varint(value); }

/// Returns a SentencePiece model: 1 is unigram, 2 BPE.
std::string small_sentencepiece(unsigned type, const std::string& charsmap) {
  const std::string space = "\xE2\x96\x81";
  std::string model;
  float score = 0;
  const auto add = [&](const std::string& piece, unsigned kind) {
    score -= 0.125F;
    const std::string number = lm::little_bytes(std::bit_cast<std::uint32_t>(score));
    model += field(1, field(1, piece) + varint(2U << 3U | 5U) + number + field(3, kind));
  };
  add("<unk>", 2);
  add("<s>", 3);
  add("</s>", 3);
  add("<mine>", 4);
  if (type == 2) {
    for (unsigned byte = 0; byte < 256; ++byte) add(byte_name(byte), 6);
  }
  for (const std::string& piece : pieces_of(space)) add(piece, 1);
  model += field(2, field(3, type) + field(35, type == 2 ? 1U : 0U));
  return model +
         field(3, (type == 1 ? field(2, charsmap) : "") + field(3, 1U) + field(4, type == 1 ? 1U : 0U) + field(5, 1U));
}

std::string small_tiktoken() {
  std::string text;
  unsigned rank = 0;
  const auto add = [&](std::string_view bytes) { text += lm::to_base64(bytes) + " " + std::to_string(rank++) + "\n"; };
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    add({&c, 1});
  }
  for (const char* token : {"th", "the", " t", "in", " the", "er", "  ", "    "}) add(token);
  return text;
}

/// Returns the map of characters of a tokenizer.json that has one.
std::string charsmap_in(const std::string& json) {
  const std::string key = "\"precompiled_charsmap\"";
  const std::size_t place = json.find(key);
  if (place == std::string::npos) return {};
  const std::size_t begin = json.find('"', place + key.size()) + 1;
  return lm::from_base64(std::string_view(json).substr(begin, json.find('"', begin) - begin)).value_or("");
}

/// Returns undamaged files of every kind; `folder` is for what is needed on the way.
std::vector<Seed> read_seeds(const std::filesystem::path& golden, const std::filesystem::path& folder) {
  std::vector<Seed> seeds;
  std::string charsmap;
  for (const auto& entry : std::filesystem::directory_iterator(golden / "tokenizers")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".json") || name.ends_with(".ids.json") || name == "texts.json") continue;
    seeds.push_back({"tokenizer.json", read_file(entry.path())});
    if (charsmap.empty()) charsmap = charsmap_in(seeds.back().bytes);
  }
  std::sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.bytes < b.bytes; });
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    if (entry.path().extension() == ".model") seeds.push_back({"tokenizer.model", read_file(entry.path())});
  }
  for (const char* kind : {"llama", "t5", "bert", "gpt2"}) seeds.push_back({"vocabulary.gguf", small_gguf(kind)});
  for (const unsigned type : {1U, 2U}) seeds.push_back({"tokenizer.model", small_sentencepiece(type, charsmap)});
  seeds.push_back({"cl100k_base.tiktoken", small_tiktoken()});
  const std::size_t binary = seeds.size();
  std::string words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (const std::string& piece : pieces_of("##")) words += piece + "\n";
  const Seed config = {"tokenizer_config.json", R"({"tokenizer_class":"Qwen2Tokenizer","eos_token":"<|endoftext|>",)"
                                                R"("added_tokens_decoder":{"3":{"content":"<|endoftext|>","lstrip":false,)"
                                                R"("normalized":false,"rstrip":true,"single_word":false,"special":true}}})"};
  seeds.push_back({"vocab.txt", words, {{"tokenizer_config.json", R"({"do_lower_case":true,"add_bos_token":true})"}}});
  // What is written of the others, with members of our own.
  for (std::size_t i = 0; i < binary; ++i) {
    if (seeds[i].name == "tokenizer.json") continue;
    write_file(folder / seeds[i].name, seeds[i].bytes);
    const lm::Tokenizer tokenizer = lm::Tokenizer::load(folder / seeds[i].name);
    std::filesystem::remove(folder / seeds[i].name);
    seeds.push_back({"tokenizer.json", tokenizer.to_json()});
    if (!lm::has_vocabulary_and_merges(tokenizer)) continue;
    const Seed vocabulary = {"vocab.json", lm::vocabulary_json(tokenizer, "")},
               merges = {"merges.txt", lm::merges_text(tokenizer, "")};
    seeds.push_back({vocabulary.name, vocabulary.bytes, {merges, config}});
    seeds.push_back({merges.name, merges.bytes, {vocabulary, config}});
    seeds.push_back({config.name, config.bytes, {vocabulary, merges}});
  }
  return seeds;
}

}  // namespace lm::fuzz
