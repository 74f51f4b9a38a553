#include "data/text_tokens.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace lm {

namespace {
constexpr std::size_t kTextBlock = 65536;
}

IdReader::IdReader(FileDescriptor input, const TokenFileInfo& info)
    : input_(std::move(input), FileUse::ids, Accept::text), info_(info), block_(kTextBlock, '\0') {}

std::size_t IdReader::read(std::span<TokenId> tokens) {
  while (next_ == ready_.size() && !at_end_) {
    ready_.clear();
    next_ = 0;
    const std::size_t size = input_.read_once(block_.data(), block_.size());
    take(std::string_view(block_).substr(0, size));
    at_end_ = size == 0;
    if (at_end_ && in_line_) end_line();
  }
  const std::span<const TokenId> rest = std::span<const TokenId>(ready_).subspan(next_);
  const std::size_t count = count_known(rest.first(std::min(rest.size(), tokens.size())), info_.vocab_size, name());
  std::copy_n(rest.begin(), count, tokens.begin());
  next_ += count;
  return count;
}

void IdReader::take(std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      end_line();
      continue;
    }
    in_line_ = true;
    if (c >= '0' && c <= '9') {
      in_number_ = true;
      number_ = number_ * 10 + static_cast<std::uint64_t>(c - '0');
      if (number_ <= UINT32_MAX) continue;
    } else if (c == ' ' || c == '\t' || c == ',' || c == '\r') {
      end_number();
      continue;
    }
    throw Error("'" + name() + "' line " + std::to_string(line_) + " is not token ids in decimal");
  }
}

void IdReader::end_number() {
  if (in_number_) ready_.push_back(static_cast<TokenId>(number_));
  in_number_ = false;
  number_ = 0;
}

void IdReader::end_line() {
  end_number();
  ready_.push_back(info_.end_of_text);
  in_line_ = false;
  ++line_;
}

void IdWriter::write(std::span<const TokenId> tokens) {
  std::string text;
  for (const TokenId token : tokens) {
    if (in_document_) text += ' ';
    text += std::to_string(token);
    in_document_ = true;
  }
  output_.write(text);
}

void IdWriter::end_document() {
  output_.write(std::string_view("\n"));
  in_document_ = false;
}

void IdWriter::finish() {
  if (in_document_) end_document();
}

void PieceWriter::write(std::span<const TokenId> tokens) {
  std::string text;
  for (const TokenId token : tokens) {
    text += in_document_ ? ',' : '[';
    text += json_quote(codec_.bytes_of(token));
    in_document_ = true;
  }
  output_.write(text);
}

void PieceWriter::end_document() {
  output_.write(std::string_view(in_document_ ? "]\n" : "[]\n"));
  in_document_ = false;
}

void PieceWriter::finish() {
  if (in_document_) end_document();
}

}  // namespace lm
