#include "token_formats.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/file_use.h"
#include "base/json.h"
#include "data/token_format.h"
#include "options.h"
#include "tasks/load_tokenizer.h"

namespace lm::cmd {

namespace {

// llm.c: 256 int32, of which the first three are magic, version and number of tokens.
constexpr std::size_t kLlmcHeader = 1024;
struct LlmcKind {
  std::uint32_t magic, version;
};
constexpr LlmcKind kLlmcShort = {20240520, 1}, kLlmcLong = {20240801, 7};  // tokens of 2 and of 4 bytes

void append_number(std::string& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
}

std::uint32_t number_at(std::string_view bytes, std::size_t offset, int size) {
  std::uint32_t value = 0;
  for (int i = size; i-- > 0;)
    value = (value << 8) | static_cast<unsigned char>(bytes[offset + static_cast<std::size_t>(i)]);
  return value;
}

std::string llmc_header(int bytes_per_token, std::int64_t tokens) {
  const LlmcKind kind = bytes_per_token == 2 ? kLlmcShort : kLlmcLong;
  std::string header;
  for (const std::uint64_t value :
       {std::uint64_t{kind.magic}, std::uint64_t{kind.version}, static_cast<std::uint64_t>(tokens)}) {
    append_number(header, value, 4);
  }
  header.resize(kLlmcHeader);
  return header;
}

int width_of(const Tokenizer& tokenizer) { return tokenizer.vocab_size() <= 65536 ? 2 : 4; }

/// Hands tokens on, documents apart.
class DocumentTokens {
 public:
  DocumentTokens(const Tokenizer& tokenizer, const TokenSink& sink, std::string name)
      : tokenizer_(tokenizer), sink_(sink), name_(std::move(name)) {}

  void take(std::span<const TokenId> tokens) {
    const auto vocab_size = static_cast<std::uint64_t>(tokenizer_.vocab_size());
    std::size_t start = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= vocab_size) {
        throw Error("'" + name_ + "' has the token id " + std::to_string(tokens[i]) + ", outside the vocabulary of " +
                    std::to_string(vocab_size) + "; was it made with another tokenizer?");
      }
      if (tokens[i] != tokenizer_.end_of_text()) continue;
      if (i > start) sink_.tokens(tokens.subspan(start, i - start));
      sink_.end_document();
      start = i + 1;
    }
    if (tokens.size() > start) sink_.tokens(tokens.subspan(start));
  }

 private:
  const Tokenizer& tokenizer_;
  const TokenSink& sink_;
  std::string name_;
};

void read_lm(FileDescriptor input, const Tokenizer& tokenizer, const TokenSink& sink) {
  TokenReader reader(std::move(input));
  require_same_tokenizer(tokenizer, reader.info(), reader.name());
  DocumentTokens documents(tokenizer, sink, reader.name());
  std::vector<TokenId> tokens(65536);
  for (;;) {
    sink.pause();
    const std::size_t count = reader.read(tokens);
    if (count == 0) return;
    documents.take(std::span(tokens).first(count));
  }
}

/// raw and llmc: numbers of `width` bytes to the end of the input, which must be `expected` if that is known.
void read_numbers(const FileDescriptor& input, int width, std::int64_t expected, DocumentTokens& documents,
                  const TokenSink& sink) {
  const auto size = static_cast<std::size_t>(width);
  std::string bytes(65536 * size, '\0');
  std::vector<TokenId> tokens;
  std::int64_t count = 0;
  std::size_t held = 0;
  for (;;) {
    sink.pause();
    const std::size_t read = read_once(input, bytes.data() + held, bytes.size() - held);
    if (read == 0) break;
    const std::size_t ready = (held + read) / size;
    tokens.clear();
    for (std::size_t i = 0; i < ready; ++i) tokens.push_back(number_at(bytes, i * size, width));
    documents.take(tokens);
    count += static_cast<std::int64_t>(ready);
    held = held + read - ready * size;
    std::memmove(bytes.data(), bytes.data() + ready * size, held);
  }
  if (held > 0) throw Error("'" + input.name() + "' ends inside a token of " + std::to_string(width) + " bytes");
  if (expected >= 0 && count != expected) {
    throw Error("'" + input.name() + "' has " + std::to_string(count) + " tokens, but its header says " +
                std::to_string(expected));
  }
}

void read_llmc(const FileDescriptor& input, DocumentTokens& documents, const TokenSink& sink) {
  std::string header(kLlmcHeader, '\0');
  if (read_some(input, header.data(), header.size()) != header.size())
    throw Error("'" + input.name() + "' is shorter than llm.c's header");
  const std::uint32_t magic = number_at(header, 0, 4), version = number_at(header, 4, 4);
  for (const auto& [kind, width] : {std::pair{kLlmcShort, 2}, std::pair{kLlmcLong, 4}}) {
    if (kind.magic == magic && kind.version == version) {
      return read_numbers(input, width, static_cast<std::int64_t>(number_at(header, 8, 4)), documents, sink);
    }
  }
  throw Error("'" + input.name() + "' is no file of llm.c: magic " + std::to_string(magic) + ", version " +
              std::to_string(version));
}

/// Decimal ids between blanks or commas; the end of a line closes its document.
void read_ids(const FileDescriptor& input, DocumentTokens& documents, const TokenSink& sink) {
  std::vector<char> block(65536);
  std::vector<TokenId> tokens;
  std::int64_t line = 1;
  std::uint64_t number = 0;
  bool in_number = false, in_line = false;
  const auto end_number = [&] {
    if (in_number) tokens.push_back(static_cast<TokenId>(number));
    in_number = false;
    number = 0;
  };
  const auto end_line = [&] {
    end_number();
    documents.take(tokens);
    tokens.clear();
    sink.end_document();
    in_line = false;
    ++line;
  };
  for (;;) {
    documents.take(tokens);
    tokens.clear();
    sink.pause();
    const std::size_t size = read_once(input, block.data(), block.size());
    if (size == 0) break;
    for (const char c : std::string_view(block.data(), size)) {
      if (c == '\n') {
        end_line();
        continue;
      }
      in_line = true;
      if (c >= '0' && c <= '9') {
        in_number = true;
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
        if (number <= UINT32_MAX) continue;
      } else if (c == ' ' || c == '\t' || c == ',' || c == '\r') {
        end_number();
        continue;
      }
      throw Error("'" + input.name() + "' line " + std::to_string(line) + " is not token ids in decimal");
    }
  }
  if (in_line) end_line();
}

/// Throws Error if a path is recognized as something else; raw ids may be any bytes.
void require_format(TokenFormat format, const std::string& path) {
  if (format == TokenFormat::lm) require_token_stream(path);
  if (format == TokenFormat::llmc) require_kind(FileUse::llmc_tokens, path);
  if (format == TokenFormat::ids) require_kind(FileUse::ids, path);
}

}  // namespace

CLI::Option* add_documents(CLI::App& app, DocumentKind& kind, const std::string& description) {
  return add_parsed(app, "--documents", "KIND", "file", description, "file, line, nul, jsonl[:FIELD] or separator:STRING",
                    [&kind](const std::string& text) {
                      const DocumentKind parsed = parse_document_kind(text);
                      kind.kind = parsed.kind;
                      kind.detail = parsed.detail;
                      return true;
                    });
}

bool is_binary(TokenFormat format) {
  return format == TokenFormat::lm || format == TokenFormat::raw || format == TokenFormat::llmc;
}

TokenOutput::TokenOutput(OutputStream& output, TokenFormat format, const Tokenizer& tokenizer)
    : output_(output), format_(format), tokenizer_(tokenizer), bytes_per_token_(width_of(tokenizer)) {
  if (format == TokenFormat::lm) {
    writer_ = std::make_unique<TokenWriter>(
        output, TokenFileInfo{tokenizer.vocab_size(), tokenizer.end_of_text(), tokenizer.fingerprint(), {}, {}});
  } else if (format == TokenFormat::llmc) {
    if (!output.can_patch()) {
      throw Error("cannot write llm.c's format to '" + output.name() +
                  "': it states its length first; write to a file with -o");
    }
    output_.write(llmc_header(bytes_per_token_, 0));
  }
}

void TokenOutput::write_numbers(std::span<const TokenId> tokens) {
  buffer_.clear();
  for (const TokenId token : tokens) append_number(buffer_, token, bytes_per_token_);
  tokens_ += static_cast<std::int64_t>(tokens.size());
  output_.write(buffer_);
}

void TokenOutput::write_text(TokenId token) {
  if (format_ == TokenFormat::ids) {
    buffer_ += (in_document_ ? " " : "") + std::to_string(token);
  } else {
    buffer_ += (in_document_ ? "," : "[") + json_quote(tokenizer_.bytes_of(token));
  }
  in_document_ = true;
}

void TokenOutput::write(std::span<const TokenId> tokens) {
  if (format_ == TokenFormat::lm) return writer_->write(tokens);
  if (is_binary(format_)) return write_numbers(tokens);
  buffer_.clear();
  for (const TokenId token : tokens) write_text(token);
  output_.write(buffer_);
}

void TokenOutput::end_document() {
  const TokenId end_of_text = tokenizer_.end_of_text();
  if (format_ == TokenFormat::lm) return writer_->end_document();
  if (is_binary(format_)) return write_numbers({&end_of_text, 1});
  if (format_ == TokenFormat::pieces) output_.write(std::string_view(in_document_ ? "]" : "[]"));
  output_.write(std::string_view("\n"));
  in_document_ = false;
}

void TokenOutput::finish() {
  if (format_ == TokenFormat::lm) return writer_->finish();
  if (in_document_) return end_document();
  if (format_ != TokenFormat::llmc) return;
  if (tokens_ > INT32_MAX) throw Error("too many tokens for llm.c's format, which counts them in 31 bits; split the input");
  const std::string header = llmc_header(bytes_per_token_, tokens_);
  output_.patch(0, header.data(), header.size());
}

void read_tokens(const std::string& path, TokenFormat format, const Tokenizer& tokenizer, const TokenSink& sink) {
  require_format(format, path);
  FileDescriptor input = open_input(path);
  DocumentTokens documents(tokenizer, sink, input.name());
  switch (format) {
    case TokenFormat::lm:
      return read_lm(std::move(input), tokenizer, sink);
    case TokenFormat::raw:
      return read_numbers(input, width_of(tokenizer), -1, documents, sink);
    case TokenFormat::llmc:
      return read_llmc(input, documents, sink);
    case TokenFormat::ids:
      return read_ids(input, documents, sink);
    case TokenFormat::pieces:
      break;
  }
  throw Error("pieces cannot be read, only written");
}

}  // namespace lm::cmd
