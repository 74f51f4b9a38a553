// TextCounter: cuts text that comes in pieces into pretokens and counts them, on all threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "base/simd_tier.h"
#include "text/pattern/pretoken_spans.h"
#include "text/training/counts_file.h"
#include "text/training/pretoken_store.h"

namespace lm {

struct TextCounterOptions {
  CountsHeader header;                        // how text is cut
  std::size_t block = std::size_t{1} << 20U;  // bytes of text that a thread takes at a time
  std::size_t held = SIZE_MAX;                // the most bytes that may be held because no place to cut them has come
  SimdTier tier = best_simd_tier();
};

/// Text is gathered in blocks that end where a pretoken ends whatever follows, and some blocks at a time are counted, each
/// by one thread. So what is counted does not depend on blocks or threads.
class TextCounter {
 public:
  /// The pool has as many threads as the store has tables. Both must outlive it.
  TextCounter(const TextCounterOptions& options, PretokenStore& store, ThreadPool& pool);
  /// Throws UncutText if too much is held.
  void feed(std::string_view bytes);
  void end_document();
  /// Counts what is left of the last document and has not been counted.
  void finish();

 private:
  // Text, and where units in it end that the pattern sees as whole texts; behind the last end a unit goes on.
  struct Block {
    std::string text;
    std::vector<std::size_t> ends;
  };
  static constexpr std::size_t kFound = 512;
  struct Worker {
    PretokenSpans spans;
    std::vector<std::string_view> found = {};  // pretokens that are not in the store yet
  };
  void close_block();
  void count_blocks();
  void count(const Block& block, int thread);
  void count_lines(std::string_view text, int thread);
  void count_gpt2_lines(std::string_view text, int thread);
  std::size_t count_unit(std::string_view text, bool is_final, int thread);
  void add(std::string_view pretoken, int thread) {
    Worker& worker = workers_[static_cast<std::size_t>(thread)];
    if (worker.found.size() == kFound) flush(thread);
    worker.found.push_back(pretoken);
  }
  void flush(int thread);
  std::size_t last_cut(std::string_view text) const;
  void leave_room(std::size_t held);
  std::size_t unit_start() const { return blocks_.back().ends.empty() ? 0 : blocks_.back().ends.back(); }

  TextCounterOptions options_;
  PretokenStore& store_;
  ThreadPool& pool_;
  std::vector<Worker> workers_;  // by thread
  std::vector<Block> blocks_;    // the last one is open
  std::size_t room_ = 0;         // bytes of memory that the store leaves for a long stretch
  std::size_t look_at_ = 0;      // bytes of the open block at which to look for a place to end it
};

}  // namespace lm
