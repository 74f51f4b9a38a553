// Learning the merges of byte-level BPE from counted pretokens, exactly, with the tie rules of others, in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "text/tokenizer_parts.h"
#include "text/training/pretoken_store.h"

namespace lm {

/// What the text is after some merges.
struct TrainingPoint {
  std::int64_t vocab_size;  // tokens so far: special tokens, bytes and merges
  std::uint64_t bytes;      // of the text
  std::uint64_t tokens;     // that it has now
  std::uint64_t count;      // how often the pair occurred that merged last; 0 before the first
};

struct BpeTrainerOptions {
  /// Among pairs of the same count: hf and raw take the smaller pair of ids; hf numbers the bytes by the code points
  /// of their ByteLevel characters and raw by value; lex takes the lexicographically greater pair of byte strings, bytes by
  /// value.
  enum class Ties { hf, raw, lex };

  Pattern pattern = Pattern::gpt2;
  Ties ties = Ties::hf;
  std::int64_t vocab_size = 8192;   // special tokens, the 256 bytes and merges
  std::uint64_t min_frequency = 2;  // a rarer pair is not merged
  /// A new pair counts only if it has fewer bytes, as in Hugging Face's trainer.
  std::optional<std::int64_t> max_token_length;
  std::vector<std::string> special_tokens;  // get the first ids
  /// Bytes that counts and training may take together.
  std::uint64_t memory = UINT64_MAX;
  /// Of these, the bytes of the program itself, for messages: --memory is both together.
  std::uint64_t memory_before = 0;
  std::function<void(double fraction)> progress;            // called now and then
  std::function<void(const TrainingPoint& point)> watched;  // called before the first merge, and after each
};

template <>
inline constexpr auto kChoices<BpeTrainerOptions::Ties> = choice_table<BpeTrainerOptions::Ties>(
    "rule for ties",
    {{"hf", BpeTrainerOptions::Ties::hf}, {"raw", BpeTrainerOptions::Ties::raw}, {"lex", BpeTrainerOptions::Ties::lex}});

/// Merges the most frequent pair until the vocabulary is full or no pair is frequent enough. A merge that spells a special
/// token takes its id. The result depends on the multiset of counts only. Empties `counts`. Throws Error if the options
/// contradict each other, or the memory is too small, with one that is not.
TokenizerParts train_bpe(PretokenStore& counts, const BpeTrainerOptions& options);

}  // namespace lm
