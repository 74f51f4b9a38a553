// The other formats: a folder's vocab.json and merges.txt, and tiktoken's ranks.
#include <array>
#include <charconv>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/json.h"
#include "base/path.h"
#include "text/left_out.h"
#include "text/spelled_vocabulary.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm {

namespace {

[[noreturn]] void refuse(std::string_view source, const std::string& why) {
  throw Error("invalid tokenizer '" + std::string(source) + "': " + why);
}

/// vocab.json: one object of spelling to id.
class VocabularyReader final : public JsonHandler {
 public:
  VocabularyReader(SpelledVocabulary& vocabulary, std::string_view source) : vocabulary_(vocabulary), source_(source) {}
  void null() override { fail(); }
  void boolean(bool) override { fail(); }
  void integer(std::int64_t value) override {
    if (!inside_) fail();
    vocabulary_.add(key_, value);
  }
  void real(double) override { fail(); }
  void string(std::string_view) override { fail(); }
  void key(std::string_view value) override { key_ = value; }
  void begin_object() override {
    if (inside_) fail();
    inside_ = true;
  }
  void end_object() override {}
  void begin_array() override { fail(); }
  void end_array() override {}

 private:
  [[noreturn]] void fail() const { refuse(source_, "it is not a JSON object of tokens and ids"); }
  SpelledVocabulary& vocabulary_;
  std::string_view source_;
  std::string key_;
  bool inside_ = false;
};

/// Calls line(text, number from 1) for each line, without its end; a last empty one is none.
template <class Line>
void for_each_line(std::string_view text, Line&& line) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
    line(content, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string from_base64(std::string_view text, std::string_view source, std::size_t line) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto fail = [&] { refuse(source, "line " + std::to_string(line) + " does not start with a token in base64"); };
  if (text.empty() || text.size() % 4 != 0) fail();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t value = i >= text.size() - padding ? 0 : kAlphabet.find(text[i]);
    if (value == std::string_view::npos) fail();
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift);
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
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
  return nullptr;
}

void add_encoding_tokens(TokenizerParts& parts, const Encoding& encoding) {
  const std::uint32_t ranks = parts.tokens.size();
  for (const EncodingToken& token : encoding.special) {
    if (token.name.empty() || token.id < ranks || token.id > ranks + 1024)
      continue;  // a smaller or larger custom vocabulary
    while (parts.tokens.size() < token.id) parts.tokens.push_back({});
    parts.tokens.push_back(token.name);
    parts.added.push_back({token.id, true});
  }
  if (!parts.added.empty()) return;
  parts.tokens.push_back(encoding.special[0].name);  // a vocabulary of one's own: end-of-text comes after the ranks
  parts.added.push_back({ranks, true});
}

Tokenizer load_tiktoken(const std::string& path, const TokenizerOptions& options) {
  const Encoding* encoding = encoding_of(path, options.pattern);
  if (encoding == nullptr && !options.pattern)
    refuse(path, "its pattern is not known from its name; name one with --pattern");
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  TokenizerParts parts = read_tiktoken(file.text(), path);
  parts.pattern = options.pattern ? *options.pattern : encoding->pattern;
  if (encoding != nullptr) {
    add_encoding_tokens(parts, *encoding);
  }
  return Tokenizer(std::move(parts), options, path);
}

Tokenizer load_folder(const std::string& path, const TokenizerOptions& options) {
  const std::string json = path + "/tokenizer.json", vocabulary = path + "/vocab.json", merges = path + "/merges.txt";
  if (std::filesystem::exists(json)) {
    const FileContent file = FileContent::read(json, kTokenizerLimit);
    return Tokenizer::from_json(file.text(), json, options);
  }
  if (!std::filesystem::exists(vocabulary)) refuse(path, "the folder has neither tokenizer.json nor vocab.json");
  const FileContent vocabulary_file = FileContent::read(vocabulary, kTokenizerLimit);
  const FileContent merges_file = FileContent::read(merges, kTokenizerLimit);
  TokenizerParts parts = read_vocabulary_and_merges(vocabulary_file.text(), vocabulary, merges_file.text(), merges);
  const FolderUse use = read_folder_use(path, options);
  parts.pattern = use.pattern;
  parts.tokens_around_text = use.tokens_around_text;
  return Tokenizer(std::move(parts), options, path);
}

}  // namespace

TokenizerParts read_vocabulary_and_merges(std::string_view vocabulary_json, std::string_view vocabulary_source,
                                          std::string_view merges_text, std::string_view merges_source) {
  SpelledVocabulary vocabulary(vocabulary_source, vocabulary_json.size());
  VocabularyReader reader(vocabulary, vocabulary_source);
  parse_json_events(vocabulary_json, vocabulary_source, reader);
  vocabulary.index();
  TokenizerParts parts;
  try {
    for_each_line(merges_text, [&](std::string_view line, std::size_t number) {
      if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
      parts.merges.push_back(vocabulary.merge_of(line, parts.merges.size()));
    });
  } catch (const Error& error) {
    throw Error("cannot use the merges '" + std::string(merges_source) + "': " + error.what());
  }
  vocabulary.move_to(parts);
  return parts;
}

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
    parts.tokens.push_back(from_base64(line.substr(0, space), source, number));
  });
  return parts;
}

Tokenizer Tokenizer::load(const std::string& path, const TokenizerOptions& options) {
  if (std::filesystem::is_directory(path)) return load_folder(path, options);
  if (path.ends_with(".tiktoken") || kind_of_path(path) == FileKind::tiktoken) return load_tiktoken(path, options);
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  return from_json(file.text(), input_name(path), options);
}

}  // namespace lm
