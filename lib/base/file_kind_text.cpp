// Texts by their look: which of the toolkit's neighbours wrote this JSON, this list, this table?
#include <algorithm>

#include "base/file_signature.h"

namespace lm {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view skip_blanks(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

/// Control characters that no text has: not DEL, which JSON takes as it is. Bytes beyond ASCII may be of any encoding.
bool is_binary(std::string_view head) {
  return std::any_of(head.begin(), head.end(),
                     [](char c) { return c >= 0 && c < 0x20 && (c < '\t' || c > '\r') && c != '\x1b'; });
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

/// Returns the line after the first, or nothing.
std::string_view second_line(std::string_view text) {
  const std::size_t newline = text.find('\n');
  return newline == std::string_view::npos ? std::string_view() : first_line(text.substr(newline + 1));
}

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// "IQ== 0": a token in base64, a blank and its rank.
bool is_ranked_token(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t space = line.find(' ');
  return space != std::string_view::npos && space % 4 == 0 &&
         all_of(line.substr(0, space), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") &&
         all_of(line.substr(space + 1), "0123456789");
}

/// "key = value": what a configuration begins with, after comments.
bool is_toml(std::string_view text) {
  text = skip_blanks(text);
  while (text.starts_with('#')) {
    text.remove_prefix(first_line(text).size());
    text = skip_blanks(text);
  }
  const std::string_view line = first_line(text);
  const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_");
  if (end == 0 || end == std::string_view::npos) return false;
  std::string_view rest = skip_blanks(line.substr(end));
  if (!rest.starts_with('=')) return false;
  rest = skip_blanks(rest.substr(1));
  return !rest.empty() && (rest[0] == '"' || rest[0] == '\'' || rest[0] == '[' || rest[0] == '-' || rest[0] == '.' ||
                           (rest[0] >= '0' && rest[0] <= '9') || rest.starts_with("true") || rest.starts_with("false"));
}

/// The first pairs of an object are strings and whole numbers, as many as a vocabulary has and a record has not.
bool is_vocabulary(std::string_view object) {
  constexpr int kEnough = 32;
  std::size_t at = 1;
  for (int pairs = 0; pairs < kEnough; ++pairs) {
    at = object.find_first_not_of(kBlanks, at);
    if (at == std::string_view::npos || object[at] != '"') return false;
    for (++at; at < object.size() && object[at] != '"'; ++at) {
      if (object[at] == '\\') ++at;
    }
    at = object.find_first_not_of(kBlanks, at + 1);
    if (at == std::string_view::npos || object[at] != ':') return false;
    at = object.find_first_not_of(kBlanks, at + 1);
    if (at == std::string_view::npos || object[at] < '0' || object[at] > '9') return false;
    at = object.find_first_not_of("0123456789 \t\r\n", at);
    if (at == std::string_view::npos || object[at] != ',') return false;
    ++at;
  }
  return true;
}

bool is_json_line(std::string_view line) {
  while (!line.empty() && kBlanks.find(line.back()) != std::string_view::npos) line.remove_suffix(1);
  return line.size() >= 2 && line.front() == '{' && line.back() == '}';
}

FileKind kind_of_json(std::string_view text, const FileSample& sample) {
  const auto has = [&](std::string_view key) { return text.find(key) != std::string_view::npos; };
  if (sample.name.ends_with(".jsonl") || (is_json_line(first_line(text)) && second_line(text).starts_with('{')))
    return FileKind::json_lines;
  if (has("\"weight_map\"") || sample.name.ends_with(".index.json")) return FileKind::shard_index;
  if (has("\"peft_type\"")) return FileKind::adapter_config;
  if (has("\"added_tokens\"") && (has("\"model\"") || has("\"normalizer\"") || has("\"pre_tokenizer\"")))
    return FileKind::tokenizer;
  if (has("\"tokenizer_class\"") && !has("\"architectures\"")) return FileKind::tokenizer_config;
  if (has("\"model_type\"") || has("\"architectures\"")) return FileKind::model_config;
  return sample.name == "vocab.json" || is_vocabulary(text) ? FileKind::vocabulary : FileKind::json;
}

}  // namespace

FileKind kind_of_text(const FileSample& sample) {
  if (is_binary(sample.head)) return FileKind::binary;
  const std::string_view text = skip_blanks(sample.head);
  const std::string_view line = first_line(text);
  if (line.starts_with("lm-counts 1 ") && (line.ends_with(" line") || line.ends_with(" document"))) return FileKind::counts;
  if (text.starts_with('{')) return kind_of_json(text, sample);
  if (text.starts_with('[') && sample.name.ends_with(".json")) return FileKind::json;
  if (line.starts_with("#version: 0.") || sample.name == "merges.txt" || sample.name == "vocab.bpe") return FileKind::merges;
  if (sample.name.ends_with(".tiktoken") || (is_ranked_token(line) && is_ranked_token(second_line(text))))
    return FileKind::tiktoken;
  if (sample.name.ends_with(".toml") || is_toml(text)) return FileKind::toml;
  return FileKind::text;
}

}  // namespace lm
