#include "tasks/tokenize/document_blocks.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/uncut_text.h"

namespace lm {

DocumentBlocks::DocumentBlocks(std::vector<std::string> paths, const DocumentKind& kind, SegmentEncoder& encoder)
    : paths_(std::move(paths)),
      kind_(kind),
      encoder_(encoder),
      splitter_(kind, {.text = [this](std::string_view piece) { take(piece); }, .end = [this] { end_document(); }}),
      buffer_(kRead) {
  check_text_inputs(FileUse::text, paths_, kind_.accept);
  if (paths_.empty()) paths_.emplace_back("-");
}

void DocumentBlocks::take(std::string_view piece) {
  if (!in_document_) pending_.parts.push_back({.begin = pending_.text.size(), .end = pending_.text.size()});
  in_document_ = true;
  pending_.text += piece;
  pending_.parts.back().end = pending_.text.size();
}

void DocumentBlocks::end_document() {
  take({});
  pending_.parts.back().ends = true;
  in_document_ = false;
}

/// Takes some bytes, or ends an input, or begins one.
void DocumentBlocks::read_more() {
  if (input_ == nullptr) {
    input_ = std::make_unique<TextInput>(open_input(paths_[next_path_++]), FileUse::text, kind_.accept);
    splitter_.begin_input(input_->name());
  }
  if (unread_.empty()) unread_ = {buffer_.data(), input_->read_once(buffer_.data(), buffer_.size())};
  if (!unread_.empty()) {
    // No more than is wanted: a text that doubles then fills its memory, and does not move to twice as much for a few bytes.
    const std::string_view some = unread_.substr(0, std::min(kFed, enough_ - pending_.text.size()));
    unread_.remove_prefix(some.size());
    return splitter_.feed(some);
  }
  splitter_.end_input();
  input_ = nullptr;
}

bool DocumentBlocks::next(TextBlock& block) {
  block.text.clear();
  block.parts.clear();
  while (block.parts.empty()) {
    while (pending_.text.size() < enough_ && pending_.parts.size() < kParts &&
           (input_ != nullptr || next_path_ < paths_.size()))
      read_more();
    if (pending_.parts.empty()) return false;
    hand_out(block);
  }
  return true;
}

/// Gives what has been read, except the end of an open document that has to wait for more.
void DocumentBlocks::hand_out(TextBlock& block) {
  std::swap(block, pending_);
  enough_ = kBlock;
  if (TextPart& first = block.parts.front(); first.ends && !first.begins() && !encoder_.is_stateless()) encode(first, block);
  if (!in_document_) return;
  TextPart& last = block.parts.back();
  const std::string_view text = std::string_view(block.text).substr(last.begin);
  std::size_t done = encoder_.cut(text);
  if (done == 0 && block.parts.size() == 1) {
    done = encode(last, block);
    if (done == 0) {  // all of it waits for more, where it is
      last.tokens.reset();
      enough_ = std::max(kBlock, next_look(text.size()));
      return std::swap(block, pending_);
    }
  }
  pending_.text = text.substr(done);
  pending_.parts.push_back({.begin = 0, .end = text.size() - done, .offset = last.offset + done});
  last.end = last.begin + done;
  block.text.resize(last.end);
  if (done > 0) return;
  block.parts.pop_back();
}

/// Finds the tokens of a part, of one that is open as far as they are certain; returns of how many bytes.
std::size_t DocumentBlocks::encode(TextPart& part, const TextBlock& block) {
  using End = SegmentEncoder::End;
  const std::string_view text = std::string_view(block.text).substr(part.begin, part.end - part.begin);
  std::vector<TokenId> tokens;
  const std::size_t done = encoder_.encode(text, part.ends ? End::final : End::open, part.offset, tokens);
  part.tokens = std::move(tokens);
  if (part.ends || done > 0) return done;
  try {
    refuse_uncut(text.size());
  } catch (const UncutText& error) {
    throw Error("cannot use '" + input_->name() + "' as a text: " + error.what());
  }
  return done;
}

}  // namespace lm
