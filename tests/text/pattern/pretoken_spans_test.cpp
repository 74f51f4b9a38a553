#include "text/pattern/pretoken_spans.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "text/mixed_text.h"

namespace {

using lm::Pattern;
using lm::test::kMixedAlphabet;
using Starts = std::vector<std::size_t>;

constexpr Pattern kScanned[] = {Pattern::gpt2,   Pattern::r50k,  Pattern::cl100k, Pattern::llama3, Pattern::qwen2,
                                Pattern::qwen35, Pattern::o200k, Pattern::tekken, Pattern::smollm};
constexpr std::size_t kAscii = 22, kValid = 41;  // of kMixedAlphabet: so many are ASCII, so many are UTF-8

/// Where pretokens begin and the last ends, by the reference.
Starts expected_starts(Pattern pattern, std::string_view text, bool is_final) {
  Starts starts = {0};
  while (starts.back() < text.size()) {
    const lm::Pretoken pretoken = lm::next_pretoken(pattern, text.substr(starts.back()));
    if (pretoken.saw_end && !is_final) break;
    starts.push_back(starts.back() + pretoken.length);
  }
  return starts;
}

Starts starts_of(lm::PretokenSpans& spans, std::string_view text, bool is_final) {
  Starts starts = {0};
  spans.begin(text, is_final);
  while (const std::size_t count = spans.next()) {
    REQUIRE(spans.starts()[0] == starts.back());
    starts.insert(starts.end(), spans.starts() + 1, spans.starts() + count + 1);
  }
  return starts;
}

/// Memory that ends where nothing may be read.
class Edge {
 public:
  Edge() : size_(std::size_t{1} << 20) {
    memory_ = static_cast<char*>(::mmap(nullptr, size_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory_ != MAP_FAILED);
    REQUIRE(::mprotect(memory_ + size_, kPage, PROT_NONE) == 0);
  }
  ~Edge() { ::munmap(memory_, size_ + kPage); }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;
  std::string_view hold(std::string_view text) {
    REQUIRE(text.size() <= size_);
    std::memcpy(memory_ + size_ - text.size(), text.data(), text.size());
    return {memory_ + size_ - text.size(), text.size()};
  }

 private:
  static constexpr std::size_t kPage = 65536;
  std::size_t size_;
  char* memory_ = nullptr;
};

void check_all(std::string_view text, Edge& edge) {
  const std::string_view held = edge.hold(text);
  for (const Pattern pattern : kScanned) {
    for (const bool is_final : {true, false}) {
      const Starts expected = expected_starts(pattern, text, is_final);
      for (const lm::SimdTier tier : lm::simd_tiers()) {
        lm::PretokenSpans spans(pattern, tier);
        if (starts_of(spans, held, is_final) == expected) continue;
        FAIL_CHECK(lm::to_string(pattern), " ", lm::to_string(tier), is_final ? " final" : " open", ": ", text);
        return;
      }
    }
  }
}

}  // namespace

TEST_CASE("every SIMD tier finds the pretokens that the reference finds, in random texts that end at an unmapped page") {
  Edge edge;
  lm::Rng random(31, lm::RngPurpose::test);
  for (int i = 0; i < 600; ++i) {
    const std::size_t letters = i % 3 == 0 ? kAscii : i % 3 == 1 ? kValid : kMixedAlphabet.size();
    check_all(lm::test::mixed_text(random, random.below(i % 50 == 0 ? 6000 : 500), letters), edge);
  }
}

TEST_CASE("every SIMD tier finds the pretokens of all strings of up to three characters, at all places of a block") {
  // Each string is between fillers whose length differs by one from string to string, so that it comes to every place.
  Edge edge;
  std::string text;
  std::size_t turn = 0;
  const auto add = [&](std::string_view some) {
    static constexpr std::string_view kFillers[] = {"xx", "  ", "11", "..", "\n\n", "Xx"};
    for (std::size_t filler = 0; filler < std::size(kFillers); filler += 3) {
      const std::string_view before = kFillers[(turn + filler) % 6], after = kFillers[(turn + filler + turn / 6) % 6];
      text.append(before.substr(turn % 2)).append(some).append(after);
    }
    if (++turn % 64 == 0 && text.size() > 200000) {
      check_all(text, edge);
      text.clear();
    }
  };
  for (const std::string_view a : kMixedAlphabet) {
    add(a);
    for (const std::string_view b : kMixedAlphabet) {
      add(std::string(a).append(b));
      for (const std::string_view c : kMixedAlphabet) add(std::string(a).append(b).append(c));
    }
  }
  check_all(text, edge);
}

TEST_CASE("a contraction, a group of numbers and a run of whitespace are found at each of the 64 places of a block") {
  Edge edge;
  for (const std::string_view some : {"'s", "'ll", "'LLx", "don't's", "x'\xC5\xBFy", "1234567", "12 345", " \n  x", "(x",
                                      ".\n/ x", "\r\n\r\n  \t x", "\xE2\x80\x9Cx", "fooBar", "\xC3\x89t\xC3\x89"}) {
    for (std::size_t place = 0; place < 64; ++place) {
      for (const std::string_view before : {"x", " ", "."}) {
        std::string text(place, 'y');
        text.append(before).append(some).append(200, 'z');
        check_all(text, edge);
      }
    }
  }
}

TEST_CASE("a pretoken or a run of whitespace of a megabyte takes time in proportion to its length") {
  for (const std::string_view unit : {"a", " ", "\n", "\n ", "^", "\xE4\xB8\xAD", "1", "\xC2\xA0"}) {
    std::string text;
    while (text.size() < (std::size_t{1} << 20)) text += unit;
    for (const Pattern pattern : {Pattern::gpt2, Pattern::cl100k, Pattern::o200k}) {
      lm::PretokenSpans spans(pattern, lm::best_simd_tier());
      CHECK(starts_of(spans, text, true) == expected_starts(pattern, text, true));
    }
  }
}
