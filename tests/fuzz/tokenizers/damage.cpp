#include <algorithm>
#include <string>

#include "fuzz/tokenizers/seeds.h"

namespace lm::fuzz {

/// Returns the extent of the JSON value behind a key, or an empty one.
std::pair<std::size_t, std::size_t> value_of(std::string_view json, const std::string& key) {
  std::size_t begin = json.find("\"" + key + "\"");
  if (begin == std::string_view::npos) return {0, 0};
  begin = json.find(':', begin);
  if (begin == std::string_view::npos) return {0, 0};
  begin = json.find_first_not_of(" \n\t", begin + 1);
  if (begin == std::string_view::npos) return {0, 0};
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = begin; at < json.size(); ++at) {
    const char c = json[at];
    if (in_string && c == '\\') {
      ++at;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      ++depth;
    } else if (!in_string && (c == '}' || c == ']' || c == ',')) {
      if (depth == 0) return {begin, at};
      if (c != ',' && --depth == 0) return {begin, at + 1};
    }
  }
  return {0, 0};
}

constexpr const char* kComponents[] = {"normalizer", "pre_tokenizer", "decoder",           "post_processor",
                                       "model",      "vocab",         "added_tokens",      "merges",
                                       "unk_token",  "unk_id",        "byte_fallback",     "continuing_subword_prefix",
                                       "behavior",   "pattern",       "end_of_word_suffix"};
constexpr const char* kValues[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e400",
    "4294967296",
    "9223372036854775807",
    "\"\"",
    "\"a\"",
    "[]",
    "{}",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "{\"String\":\"\"}",
    "{\"Regex\":\"\"}",
    "{\"Regex\":\"(a*)*b|\\\\s+(?!\\\\S)\"}",
    "{\"type\":\"Sequence\",\"normalizers\":[]}",
    "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":1,\"strip_left\":true,\"strip_right\":true}",
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\"}",
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\"},\"content\":\"xy\"}",
    "{\"type\":\"Prepend\",\"prepend\":\" \"}",
    "{\"type\":\"UnicodeScripts\"}",
    "{\"type\":\"Digits\",\"individual_digits\":true}",
    "{\"type\":\"FixedLength\",\"length\":3}",
    "{\"type\":\"NFKD\"}",
    "{\"type\":\"Nmt\"}",
    "{\"type\":\"Fuse\"}"};
constexpr const char* kWords[] = {"true",
                                  "false",
                                  "null",
                                  "\"BPE\"",
                                  "\"Unigram\"",
                                  "\"WordPiece\"",
                                  "\"WordLevel\"",
                                  "\"NFC\"",
                                  "\"NFKD\"",
                                  "\"Isolated\"",
                                  "\"Removed\"",
                                  "\"MergedWithPrevious\"",
                                  "\"MergedWithNext\"",
                                  "\"Contiguous\"",
                                  "\"Lowercase\"",
                                  "\"StripAccents\"",
                                  "\"ByteLevel\"",
                                  "\"Metaspace\"",
                                  "\"first\"",
                                  "\"always\"",
                                  "\"never\"",
                                  "\"Fuse\"",
                                  "\"ByteFallback\""};

/// Puts a component of another tokenizer, or a value that may not be one, in place of the file's own.
void change_component(Random& random, std::string& json, const std::vector<Seed>& seeds) {
  const std::string key = pick(random, kComponents);
  const auto [begin, end] = value_of(json, key);
  if (begin == end) return;
  std::string value = pick(random, kValues);
  if (!chance(random, 4)) {
    const std::string& other = pick(random, seeds).bytes;
    const auto [from, to] = value_of(other, key);
    if (from != to) value = other.substr(from, to - from);
  }
  if (key == "normalizer" || key == "pre_tokenizer" || key == "decoder") {
    const std::string list = key == "normalizer" ? "normalizers" : key == "decoder" ? "decoders" : "pretokenizers";
    if (chance(random, 4))
      value = R"({"type":"Sequence",")" + list + "\":[" + value + "," + json.substr(begin, end - begin) + "]}";
  }
  json.replace(begin, end - begin, value);
}

/// Replaces a number in the text by another.
void change_number(Random& random, std::string& text) {
  constexpr const char* kNumbers[] = {
      "0",     "1", "-1", "255", "256", "65536", "2147483647", "2147483648", "4294967295", "0.5", "18446744073709551615",
      "-1e300"};
  const std::size_t begin = text.find_first_of("0123456789", below(random, text.size()));
  if (begin == std::string::npos) return;
  const std::size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
  text.replace(begin, end - begin, chance(random, 2) ? pick(random, kNumbers) : std::to_string(random() % 400));
}

void change_word(Random& random, std::string& text) {
  const std::string from = pick(random, kWords), to = pick(random, kWords);
  const std::size_t place = text.find(from, below(random, text.size()));
  if (place != std::string::npos) text.replace(place, from.size(), to);
}

/// Damages bytes, whatever they mean.
void change_bytes(Random& random, std::string& bytes, const std::vector<Seed>& seeds) {
  const std::size_t at = below(random, bytes.size());
  switch (random() % 7) {
    case 0:
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << random() % 8));
      return;
    case 1:
      bytes.resize(at);
      return;
    case 2:
      bytes.erase(at, 1 + below(random, 64));
      return;
    case 3:
      bytes.insert(at, bytes.substr(below(random, bytes.size()), below(random, 200)));
      return;
    case 4: {
      const std::string& other = pick(random, seeds).bytes;
      bytes = bytes.substr(0, at) + other.substr(below(random, other.size()));
      return;
    }
    case 5:
      bytes[at] = static_cast<char>(random());
      return;
    case 6: {
      constexpr unsigned char kBytes[] = {0, 1, 0x7F, 0x80, 0xFF};
      for (std::size_t i = at; i < std::min(bytes.size(), at + (std::size_t{1} << random() % 4)); ++i)
        bytes[i] = static_cast<char>(pick(random, kBytes));
      return;
    }
  }
}

void damage(Random& random, Seed& seed, const std::vector<Seed>& seeds) {
  const bool is_json = seed.bytes.starts_with('{');
  for (std::size_t n = below(random, 5); n > 0 && !seed.bytes.empty(); --n) {
    const std::size_t way = below(random, 8);
    if (is_json && way < 5) {
      change_component(random, seed.bytes, seeds);
    } else if (way < 6) {
      change_number(random, seed.bytes);
    } else if (is_json && way < 7) {
      change_word(random, seed.bytes);
    } else {
      change_bytes(random, seed.bytes, seeds);
    }
  }
}

}  // namespace lm::fuzz
