#include "tasks/evaluate/read_documents.h"

#include <utility>

#include "base/error.h"

namespace lm {

ReadDocuments::ReadDocuments(DocumentTokens next, std::int64_t skip, std::string hash)
    : next_(std::move(next)), skip_(skip), expected_(std::move(hash)) {}

DocumentTokens ReadDocuments::sink() {
  DocumentTokens sink;
  sink.name = [this](std::string_view name) {
    if (!skips()) next_.name(name);
  };
  sink.text = [this](std::string_view text) {
    has_text_ = true;
    if (!in_json_) hash_bytes(text.data(), text.size());
    if (!skips() && next_.text) next_.text(text);
  };
  sink.tokens = [this](std::span<const TokenId> tokens) {
    if (!has_text_) hash_bytes(tokens.data(), tokens.size_bytes());
    if (!skips()) next_.tokens(tokens);
  };
  sink.json = [this](const JsonDocument& document) {
    in_json_ = true;
    hash_bytes(document.record.data(), document.record.size());
    if (!skips() && next_.json) next_.json(document);
  };
  sink.end = [this] { end(); };
  return sink;
}

void ReadDocuments::hash_bytes(const void* bytes, std::size_t size) {
  hasher_.update(bytes, size);
  size_ += size;
}

void ReadDocuments::end() {
  hasher_.update(&size_, sizeof size_);  // where one document ends and the next begins
  size_ = 0;
  in_json_ = has_text_ = false;
  const bool skipped = skips();
  ++count_;
  const Fingerprint hash = hasher_.digest128();
  if (!skipped) {
    hashes_.push_back(hash);
    return next_.end();
  }
  if (count_ == skip_ && to_hex(hash) != expected_) {
    throw Error("cannot resume: the first " + std::to_string(skip_) +
                " documents are not those that the interrupted run read; give it the same inputs");
  }
}

void ReadDocuments::check_all_skipped() const {
  if (count_ >= skip_) return;
  throw Error("cannot resume: the inputs have " + std::to_string(count_) + " documents, and the interrupted run had read " +
              std::to_string(skip_) + "; give it the same inputs");
}

std::string ReadDocuments::take_hash() {
  LM_CHECK(!hashes_.empty());
  std::string hash = to_hex(hashes_.front());
  hashes_.pop_front();
  return hash;
}

}  // namespace lm
