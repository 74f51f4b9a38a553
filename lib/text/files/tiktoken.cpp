#include "text/files/tiktoken.h"

#include <array>
#include <charconv>
#include <filesystem>

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "text/files/lines.h"
#include "text/post_processor.h"

namespace lm {

namespace {

[[noreturn]] void refuse(std::string_view source, const std::string& why) {
  throw Error("invalid tokenizer '" + std::string(source) + "': " + why);
}

std::string token_bytes(std::string_view text, std::string_view source, std::size_t line) {
  const std::optional<std::string> bytes = from_base64(text);
  if (!bytes || bytes->empty()) refuse(source, "line " + std::to_string(line) + " does not start with a token in base64");
  return *bytes;
}

// What the ranks leave out: the special tokens of each named encoding.
struct EncodingToken {
  std::string_view name;
  TokenId id;
};
struct Encoding {
  std::string_view file;
  Pattern pattern;
  std::array<EncodingToken, 5> special;
};
constexpr std::array<Encoding, 6> kEncodings = {{
    {"r50k_base", Pattern::r50k, {{{"<|endoftext|>", 50256}}}},
    {"gpt2", Pattern::gpt2, {{{"<|endoftext|>", 50256}}}},
    {"cl100k_base",
     Pattern::cl100k,
     {{{"<|endoftext|>", 100257},
       {"<|fim_prefix|>", 100258},
       {"<|fim_middle|>", 100259},
       {"<|fim_suffix|>", 100260},
       {"<|endofprompt|>", 100276}}}},
    {"o200k_base", Pattern::o200k, {{{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}}},
    {"llama3", Pattern::llama3, {{{"<|begin_of_text|>", 128000}, {"<|end_of_text|>", 128001}}}},
    {"qwen", Pattern::qwen2, {{{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}}}},
}};

const Encoding* encoding_of(std::string_view path, const std::optional<Pattern>& pattern) {
  const std::string stem = std::filesystem::path(path).stem().string();
  for (const Encoding& encoding : kEncodings) {
    if (pattern ? encoding.pattern == *pattern : encoding.file == stem) return &encoding;
  }
  if (!pattern && std::filesystem::path(path).filename() == "tokenizer.model") return encoding_of(path, Pattern::llama3);
  return nullptr;
}

/// Adds the 256 special tokens of Llama 3, which its tokenizer.model leaves to the program; a text begins with the first.
void add_llama3_tokens(TokenizerParts& parts) {
  int reserved = 0;
  const auto add = [&](const std::string& name) {
    parts.added.push_back({.id = parts.tokens.size(), .special = true});
    parts.tokens.push_back(name);
  };
  const auto add_reserved = [&] { add("<|reserved_special_token_" + std::to_string(reserved++) + "|>"); };
  const TokenId begin = parts.tokens.size();
  for (const char* name : {"<|begin_of_text|>", "<|end_of_text|>", "", "", "", "", "<|start_header_id|>",
                           "<|end_header_id|>", "", "<|eot_id|>"}) {
    if (*name != '\0') {
      add(name);
    } else {
      add_reserved();
    }
  }
  while (parts.tokens.size() < begin + 256) add_reserved();
  parts.components.post_processor = post_processor_json({.before = {begin}, .after = {}}, {"<|begin_of_text|>"}, {});
}

void add_encoding_tokens(TokenizerParts& parts, const Encoding& encoding) {
  constexpr std::uint32_t kLlama3Ranks = 128000;
  const std::uint32_t ranks = parts.tokens.size();
  if (encoding.pattern == Pattern::llama3 && ranks == kLlama3Ranks) return add_llama3_tokens(parts);
  for (const EncodingToken& token : encoding.special) {
    if (token.name.empty() || token.id < ranks || token.id > ranks + 1024)
      continue;  // a smaller or larger custom vocabulary
    while (parts.tokens.size() < token.id) parts.tokens.push_back({});
    parts.tokens.push_back(token.name);
    parts.added.push_back({token.id, true});
  }
  if (!parts.added.empty()) return;
  parts.tokens.push_back(encoding.special[0].name);  // a custom vocabulary: end-of-text comes after the ranks
  parts.added.push_back({ranks, true});
}

}  // namespace

TokenizerParts read_tiktoken(std::string_view text, std::string_view source) {
  if (text.size() >= UINT32_MAX) refuse(source, "it has 4 GiB or more");
  TokenizerParts parts;
  parts.by_rank = true;
  parts.ignore_merges = true;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    const std::size_t space = line.find(' ');
    TokenId rank = 0;
    const std::string_view digits = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
      refuse(source, "line " + std::to_string(number) + " is not a token in base64, a space and its rank");
    }
    if (rank != parts.tokens.size()) {
      refuse(source, "line " + std::to_string(number) + " has the rank " + std::to_string(rank) + ", expected " +
                         std::to_string(parts.tokens.size()));
    }
    parts.tokens.push_back(token_bytes(line.substr(0, space), source, number));
  });
  return parts;
}

TokenizerParts read_tiktoken_file(const std::string& path, const TokenizerOptions& options) {
  const Encoding* encoding = encoding_of(path, options.pattern);
  if (encoding == nullptr && !options.pattern)
    refuse(path, "its pattern is not known from its name; name one with --pattern");
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  TokenizerParts parts = read_tiktoken(file.text(), path);
  parts.pattern = options.pattern ? *options.pattern : encoding->pattern;
  if (encoding != nullptr) {
    add_encoding_tokens(parts, *encoding);
  } else {  // the ranks leave end-of-text out
    parts.added.push_back({.id = parts.tokens.size(), .special = true});
    parts.tokens.push_back(options.end_of_text.empty() ? "<|endoftext|>" : std::string_view(options.end_of_text));
  }
  return parts;
}

}  // namespace lm
