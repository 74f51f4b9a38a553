#include "tasks/tokenize/encode_documents.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/number_text.h"
#include "base/parallel.h"
#include "tasks/tokenize/document_blocks.h"
#include "text/segment_encoder.h"

namespace lm {

namespace {

/// A block and its tokens.
struct EncodedBlock {
  TextBlock block;
  std::vector<TokenId> ids;
  std::vector<std::size_t> ends;  // of the tokens of each part
  std::exception_ptr error = {};  // at the end of the tokens
};

void encode_block(EncodedBlock& encoded, SegmentEncoder& encoder) {
  for (TextPart& part : encoded.block.parts) {
    if (part.tokens) {
      encoded.ids.insert(encoded.ids.end(), part.tokens->begin(), part.tokens->end());
    } else {
      const std::string_view text = std::string_view(encoded.block.text).substr(part.begin, part.end - part.begin);
      encoder.encode(text, SegmentEncoder::End::final, part.offset, encoded.ids);
    }
    encoded.ends.push_back(encoded.ids.size());
  }
}

/// Hands the tokens of blocks to the sink, in the order of the text.
class Writer {
 public:
  Writer(const Tokenizer& tokenizer, const EncodedDocuments& sink)
      : sink_(sink),
        unknown_token_(tokenizer.unknown_token()),
        has_begin_(!tokenizer.begin_tokens().empty() && sink.begin) {}

  void write(const EncodedBlock& encoded) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < encoded.ends.size(); ++i) {
      const TextPart& part = encoded.block.parts[i];
      if (part.begins() && has_begin_) sink_.begin();
      if (part.end > part.begin) sink_.text(std::string_view(encoded.block.text).substr(part.begin, part.end - part.begin));
      const auto tokens = std::span(encoded.ids).subspan(begin, encoded.ends[i] - begin);
      begin = encoded.ends[i];
      if (unknown_token_) unknown_ += static_cast<std::uint64_t>(std::count(tokens.begin(), tokens.end(), *unknown_token_));
      if (!tokens.empty()) sink_.tokens(tokens);
      if (part.ends) sink_.end();
    }
  }
  std::uint64_t unknown() const { return unknown_; }

 private:
  const EncodedDocuments& sink_;
  std::optional<TokenId> unknown_token_;
  bool has_begin_;
  std::uint64_t unknown_ = 0;
};

/// What the threads share. Each takes blocks in order; whoever has finished the next one for the sink writes it, and those behind it that
/// are finished. So a thread waits only if too many blocks wait for one that another has not finished.
class Line {
 public:
  Line(DocumentBlocks& blocks, Writer& writer, int threads)
      : blocks_(blocks), writer_(writer), most_waiting_(2 * static_cast<std::size_t>(threads)) {}

  void work(SegmentEncoder& encoder) {
    auto encoded = std::make_unique<EncodedBlock>();
    while (const std::optional<std::uint64_t> number = take(*encoded)) {
      if (!encoded->error) {
        try {
          encode_block(*encoded, encoder);
        } catch (...) {
          encoded->error = std::current_exception();
        }
      }
      encoded = hand_in(*number, std::move(encoded));
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// Reads the next block; gives its number, or nothing at the end. An error of reading ends the line as a block of its own.
  std::optional<std::uint64_t> take(EncodedBlock& encoded) {
    encoded.error = nullptr;
    encoded.ids.clear();
    encoded.ends.clear();
    const std::lock_guard lock(reading_);
    if (ended_.load()) return std::nullopt;
    try {
      if (!blocks_.next(encoded.block)) {
        ended_ = true;
        return std::nullopt;
      }
    } catch (...) {
      encoded.error = std::current_exception();
      encoded.block.parts.clear();
      ended_ = true;
    }
    return taken_++;
  }

  /// Puts a finished block into its place, and gives another one to fill.
  std::unique_ptr<EncodedBlock> hand_in(std::uint64_t number, std::unique_ptr<EncodedBlock> encoded) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return number < written_ + most_waiting_; });
    waiting_.emplace(number, std::move(encoded));
    while (!writing_ && !waiting_.empty() && waiting_.begin()->first == written_) {
      encoded = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      writing_ = true;
      lock.unlock();
      write(*encoded);
      lock.lock();
      writing_ = false;
      ++written_;
      room_.notify_all();
      spare_.push_back(std::move(encoded));
    }
    if (spare_.empty()) return std::make_unique<EncodedBlock>();
    encoded = std::move(spare_.back());
    spare_.pop_back();
    return encoded;
  }

  /// Nothing is written behind an error.
  void write(EncodedBlock& encoded) {
    if (error_) return;
    try {
      writer_.write(encoded);
      error_ = encoded.error;
    } catch (...) {
      error_ = std::current_exception();
    }
    if (error_) ended_ = true;
  }

  DocumentBlocks& blocks_;
  Writer& writer_;
  std::size_t most_waiting_;
  std::mutex reading_;
  std::atomic<bool> ended_ = false;
  std::uint64_t taken_ = 0;

  std::mutex mutex_;
  std::condition_variable room_;
  std::map<std::uint64_t, std::unique_ptr<EncodedBlock>> waiting_;
  std::vector<std::unique_ptr<EncodedBlock>> spare_;
  bool writing_ = false;
  std::uint64_t written_ = 0;
  std::exception_ptr error_;
};

}  // namespace

std::uint64_t encode_documents(const std::vector<std::string>& paths, const DocumentKind& kind, const Tokenizer& tokenizer,
                               const EncodingOptions& options, const EncodedDocuments& sink) {
  const auto make_encoder = [&] {
    return SegmentEncoder(tokenizer.tables(), options.special, PieceEncoder::Cache::used, options.simd);
  };
  SegmentEncoder reader = make_encoder();
  DocumentBlocks blocks(paths, kind, reader);
  Writer writer(tokenizer, sink);
  Line line(blocks, writer, options.threads);
  std::atomic<std::uint64_t> lost = 0;
  ThreadPool pool(options.threads);
  pool.run(options.threads, [&](std::int64_t, int) {
    SegmentEncoder encoder = make_encoder();
    line.work(encoder);
    lost += encoder.unknown_bytes();
  });
  line.rethrow();
  return tokenizer.unknown_token() ? writer.unknown() : lost + reader.unknown_bytes();
}

void TokenStatistics::add_tokens(std::span<const TokenId> tokens) {
  tokens_ += static_cast<std::int64_t>(tokens.size());
  for (const TokenId id : tokens) used_[id] = true;
}

std::string TokenStatistics::to_text() const {
  const auto different = std::count(used_.begin(), used_.end(), true);
  const double ratio = tokens_ == 0 ? 0 : static_cast<double>(bytes_) / static_cast<double>(tokens_);
  return "documents " + std::to_string(documents_) + "\nbytes " + std::to_string(bytes_) + "\ntokens " +
         std::to_string(tokens_) + "\nbytes_per_token " + fixed_text(ratio, 4) + "\ndifferent_tokens " +
         std::to_string(different) + "\n";
}

}  // namespace lm
