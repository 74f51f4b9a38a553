// Small tokenizers and random texts for the tests of text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "text/tokenizer.h"
#include "text/tokenizer_tables.h"
#include "text/training/bpe_trainer.h"
#include "text/training/pretoken_store.h"
#include "text/training/text_counter.h"

namespace lm::test {

struct Training {
  std::string_view text =
      "the cat sat on the mat; the hat is that.\nThe cat's hat, the rat's mat\n  1234 12 123\naaaaaaaa bbbb      \n"
      "other mothers and their other brothers gather the leather hats that matter, said the other mother\n"
      "a caf\xC3\xA9, an \xC3\xA9t\xC3\xA9, \xE4\xB8\xAD\xE6\x96\x87 \xE4\xB8\xAD\xE6\x96\x87!! ?! !!\n\n\n";
  std::int64_t vocab_size = 390;
  Pattern pattern = Pattern::gpt2;
  BpeTrainerOptions::Ties ties = BpeTrainerOptions::Ties::hf;
  std::uint64_t min_frequency = 2;
  std::optional<std::int64_t> max_token_length = {};
};

inline BpeTrainerOptions options_of(const Training& training) {
  return {.pattern = training.pattern,
          .ties = training.ties,
          .vocab_size = training.vocab_size,
          .min_frequency = training.min_frequency,
          .max_token_length = training.max_token_length,
          .special_tokens = reserved_special_tokens(ReservedTokens::all),
          .progress = {},
          .watched = {}};
}

/// Counts a text as training with these options needs it.
inline void count_text(PretokenStore& counts, const Training& training) {
  ThreadPool pool(1);
  const bool lines = training.ties == BpeTrainerOptions::Ties::hf;
  TextCounter counter({.header = {training.pattern, lines ? CountingUnit::line : CountingUnit::document}}, counts, pool);
  counter.feed(training.text);
  counter.finish();
  counts.finish();
}

inline TokenizerParts train_parts(const Training& training) {
  PretokenStore counts({});
  count_text(counts, training);
  return train_bpe(counts, options_of(training));
}

inline Tokenizer train_tokenizer(const Training& training = {}) {
  return Tokenizer(train_parts(training), {}, "a test's tokenizer");
}

/// The pairs of a tokenizer's merges, in the order of their ranks.
inline const std::vector<MergePair>& merges_of(const Tokenizer& tokenizer) { return tokenizer.tables().parts.merges; }

/// Characters of every kind that patterns tell apart, some invalid UTF-8, some special tokens; `length` of them at most.
inline std::string random_text(Rng& rng, std::uint64_t length) {
  static constexpr std::string_view kPieces[] = {"a",
                                                 "B",
                                                 "the",
                                                 " ",
                                                 " ",
                                                 "\n",
                                                 "\r\n",
                                                 "\t",
                                                 "'s",
                                                 "'RE",
                                                 "'",
                                                 "1",
                                                 "234",
                                                 "!",
                                                 "/",
                                                 "-",
                                                 "\xC3\xA9",
                                                 "\xC3\x89",
                                                 "\xE4\xB8\xAD",
                                                 "\xCC\x81",
                                                 "\xC2\xA0",
                                                 "\xE3\x80\x80",
                                                 "\xF0\x9F\x99\x82",
                                                 "\xC5\xBF",
                                                 "\xC7\x85",
                                                 "\xCA\xB0",
                                                 "\xD9\xA0",
                                                 "\x80",
                                                 "\xF0\x9F",
                                                 "\xED\xA0\x80",
                                                 "\xFF",
                                                 "<|endoftext|>",
                                                 "<|",
                                                 "<|mask|>",
                                                 "<|extra_1|>",
                                                 "<|extra_10|>",
                                                 "|>",
                                                 "aaaa",
                                                 std::string_view("\0", 1),
                                                 "hat",
                                                 "cat"};
  std::string text;
  const std::uint64_t count = rng.below(length + 1);
  // Few kinds at a time, so that runs come up.
  const std::uint64_t kinds = 1 + rng.below(std::size(kPieces)), first = rng.below(std::size(kPieces));
  for (std::uint64_t i = 0; i < count; ++i) text += kPieces[(first + rng.below(kinds)) % std::size(kPieces)];
  return text;
}

}  // namespace lm::test
