// Pretokens of every SIMD tier beside the reference's, and decode(encode(x)) == x: fuzz_encoder [MEGABYTES [STRINGS [FILE...]]]
// does MEGABYTES (100) of random text and bytes, and of the files, for each pattern, then STRINGS (10,000,000) random byte strings.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/mixed_text.h"
#include "text/pattern/pretoken_spans.h"
#include "text/text_support.h"
#include "text/tokenizer.h"

namespace {

constexpr lm::Pattern kScanned[] = {lm::Pattern::gpt2,   lm::Pattern::cl100k, lm::Pattern::qwen2,
                                    lm::Pattern::qwen35, lm::Pattern::o200k,  lm::Pattern::tekken};
constexpr std::size_t kStretch = std::size_t{1} << 16;

/// Returns whether all tiers cut a text as the reference does; says where if not.
bool same_pretokens(std::string_view text) {
  for (const lm::Pattern pattern : kScanned) {
    for (const lm::SimdTier tier : lm::simd_tiers()) {
      lm::PretokenSpans spans(pattern, tier);
      spans.begin(text, true);
      std::size_t at = 0;
      while (const std::size_t count = spans.next()) {
        for (std::size_t i = 0; i < count; ++i) {
          at += lm::next_pretoken(pattern, text.substr(at)).length;
          if (at == spans.starts()[i + 1]) continue;
          const std::string_view around = text.substr(at - std::min<std::size_t>(at, 40), 80);
          std::fprintf(stderr, "%s, %s: byte %zu of: %.*s\n", lm::to_string(pattern), lm::to_string(tier), at,
                       static_cast<int>(around.size()), around.data());
          return false;
        }
      }
      if (at != text.size()) return false;
    }
  }
  return true;
}

std::string random_bytes(lm::Rng& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next_u32());
  return bytes;
}

/// A text that tempts scanners, or bytes of all kinds.
std::string some_bytes(lm::Rng& random, std::size_t size) {
  constexpr std::array<std::size_t, 4> kLetters = {22, 27, 41, lm::test::kMixedAlphabet.size()};
  const std::uint64_t kind = random.below(5);
  return kind < 4 ? lm::test::mixed_text(random, size, kLetters[kind]) : random_bytes(random, size);
}

bool compare_pretokens(std::size_t bytes, const std::vector<std::string>& files) {
  lm::Rng random(41, lm::RngPurpose::test);
  for (std::size_t done = 0; done < bytes; done += kStretch) {
    if (!same_pretokens(some_bytes(random, kStretch))) return false;
  }
  for (const std::string& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t at = 0; at < std::min(text.size(), bytes); at += kStretch) {
      if (!same_pretokens(std::string_view(text).substr(at, kStretch))) return false;
    }
  }
  return true;
}

lm::Tokenizer small_tokenizer(lm::Pattern pattern) {
  lm::Rng random(43, lm::RngPurpose::test);
  std::string text;
  for (int i = 0; i < 20000; ++i) text += lm::test::mixed_text(random, 1 + random.below(12)) + "\n";
  return lm::test::train_tokenizer({.text = text, .vocab_size = 2000, .pattern = pattern});
}

bool comes_back(const lm::Tokenizer& tokenizer, std::string_view bytes, const std::vector<lm::TokenId>& ids) {
  if (tokenizer.decode(ids) == bytes) return true;
  std::fprintf(stderr, "not given back:");
  for (const char byte : bytes) std::fprintf(stderr, " %02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  std::fprintf(stderr, "\n");
  return false;
}

/// Encodes random strings one by one and through a stream, whose table of pieces remembers the earlier ones.
bool compare_strings(std::size_t strings) {
  for (const lm::Pattern pattern : {lm::Pattern::gpt2, lm::Pattern::cl100k, lm::Pattern::o200k}) {
    const lm::Tokenizer tokenizer = small_tokenizer(pattern);
    lm::StreamEncoder stream(tokenizer, lm::SpecialTokens::plain);
    lm::Rng random(47, lm::RngPurpose::test);
    std::vector<lm::TokenId> streamed;
    for (std::size_t i = 0; i < strings / 3 + 1; ++i) {
      const std::string bytes = some_bytes(random, random.below(random.below(64) == 0 ? 400 : 24));
      const std::vector<lm::TokenId> ids = tokenizer.encode(bytes);
      streamed.clear();
      stream.feed(bytes, streamed);
      stream.finish(streamed);
      if (ids != streamed) std::fprintf(stderr, "a stream gives other ids\n");
      if (ids != streamed || !comes_back(tokenizer, bytes, ids)) return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  const std::size_t megabytes = number(1, 100), strings = number(2, 10'000'000);
  const std::vector<std::string> files(argv + std::min(argc, 3), argv + argc);
  if (!compare_pretokens(megabytes * 1'000'000, files) || !compare_strings(strings)) return EXIT_FAILURE;
  std::printf("%zu MB and %zu strings\n", megabytes, strings);
  return EXIT_SUCCESS;
}
