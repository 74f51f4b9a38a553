#include "text/training/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "base/error.h"
#include "text/special_names.h"
#include "text/training/bpe_merger.h"
#include "text/training/memory_bound.h"
#include "text/training/word_array.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

/// What is known of the counts before they are laid out.
struct Sizes {
  std::uint64_t words = 0, bytes = 0;  // of those with a pair
  std::uint64_t text = 0;              // bytes of the whole text
};

Sizes measure(const PretokenStore& counts) {
  Sizes sizes;
  counts.for_each([&](std::string_view pretoken, std::uint64_t count) {
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, pretoken.size(), &bytes) || __builtin_add_overflow(sizes.text, bytes, &sizes.text) ||
        sizes.text > static_cast<std::uint64_t>(INT64_MAX))
      throw Error("the counts are those of more than 2^63 bytes of text; use less");
    if (pretoken.size() < 2) return;
    ++sizes.words;
    sizes.bytes += pretoken.size();
  });
  return sizes;
}

class BpeTrainer {
 public:
  BpeTrainer(PretokenStore& counts, const BpeTrainerOptions& options) : counts_(counts), options_(options) {}

  TokenizerParts run() {
    number_tokens();
    sizes_ = measure(counts_);
    const bool is_narrow = static_cast<std::uint64_t>(options_.vocab_size) <= WordArray<std::uint16_t>::kLargestId;
    if (is_narrow) {
      learn<std::uint16_t>();
    } else {
      learn<std::uint32_t>();
    }
    parts_.pattern = options_.pattern;
    return std::move(parts_);
  }

 private:
  void number_tokens();
  template <class Symbol>
  std::uint64_t fixed_memory() const;
  template <class Symbol>
  void learn();
  void watch(std::uint64_t symbols, std::uint64_t count) const;

  PretokenStore& counts_;
  const BpeTrainerOptions& options_;
  Sizes sizes_;
  TokenizerParts parts_;
  std::array<TokenId, 256> byte_ids_{};
};

void BpeTrainer::number_tokens() {
  const std::int64_t least = static_cast<std::int64_t>(options_.special_tokens.size()) + 256;
  if (options_.vocab_size < least) {
    throw Error("a vocabulary of " + std::to_string(options_.vocab_size) + " is too small: the 256 bytes and " +
                std::to_string(options_.special_tokens.size()) + " special tokens need " + std::to_string(least));
  }
  if (options_.vocab_size > INT32_MAX)
    throw Error("a vocabulary of " + std::to_string(options_.vocab_size) + " is too large");
  check_special_names(options_.special_tokens);
  for (const std::string& token : options_.special_tokens) {
    parts_.added.push_back({parts_.tokens.size(), true});
    parts_.tokens.push_back(token);
  }
  std::array<unsigned, 256> order;
  std::iota(order.begin(), order.end(), 0u);
  if (options_.ties == BpeTrainerOptions::Ties::hf) {
    const auto& code_points = byte_level_code_points();
    std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) { return code_points[a] < code_points[b]; });
  }
  for (const unsigned byte : order) {
    byte_ids_[byte] = parts_.tokens.size();
    const char text = static_cast<char>(byte);
    parts_.tokens.push_back({&text, 1});
  }
}

/// Returns the bytes that do not depend on what is merged: words, and tables by token.
template <class Symbol>
std::uint64_t BpeTrainer::fixed_memory() const {
  constexpr std::uint64_t kPerToken = 40;
  return WordArray<Symbol>::memory(sizes_.words, sizes_.bytes) + kPerToken * static_cast<std::uint64_t>(options_.vocab_size);
}

template <class Symbol>
void BpeTrainer::learn() {
  using Words = WordArray<Symbol>;
  const std::uint64_t places = sizes_.words + sizes_.bytes + 1, fixed = fixed_memory<Symbol>();
  if (places > Words::kMostPlaces)
    throw Error("the distinct pretokens have 4 GiB together, which is too much; use less text or another pattern");
  const std::uint64_t needed = fixed + BpeMerger<Symbol>::least_memory(places);
  if (needed > options_.memory) {
    throw Error("the " + std::to_string(sizes_.words) + " distinct pretokens do not fit into --memory to be merged; " +
                memory_that_would_do(needed + options_.memory_before));
  }
  if (fixed > options_.memory - std::min(options_.memory, counts_.memory())) counts_.leave_memory();
  Words words;
  words.reserve(sizes_.words, sizes_.bytes);
  counts_.for_each([&](std::string_view pretoken, std::uint64_t count) {
    if (pretoken.size() > 1) words.add(pretoken, count, [this](unsigned char byte) { return byte_ids_[byte]; });
  });
  counts_.clear();
  BpeMerger<Symbol> merger(words, parts_, options_, options_.memory - fixed, sizes_.text);
  watch(merger.symbols(), 0);
  while (std::int64_t{parts_.tokens.size()} < options_.vocab_size) {
    const std::uint64_t count = merger.merge_next();
    if (count == 0) break;
    watch(merger.symbols(), count);
    if (options_.progress && parts_.merges.size() % 256 == 0)
      options_.progress(static_cast<double>(parts_.tokens.size()) / static_cast<double>(options_.vocab_size));
  }
}

void BpeTrainer::watch(std::uint64_t symbols, std::uint64_t count) const {
  if (options_.watched)
    options_.watched({.vocab_size = parts_.tokens.size(), .bytes = sizes_.text, .tokens = symbols, .count = count});
}

}  // namespace

TokenizerParts train_bpe(PretokenStore& counts, const BpeTrainerOptions& options) {
  return BpeTrainer(counts, options).run();
}

}  // namespace lm
