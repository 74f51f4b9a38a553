// Reads damaged tokenizers of every kind, and uses those that load: fuzz_tokenizers [COUNT [FIRST]] does the cases FIRST, FIRST + 1,
// ... Only Error may come out of it; what is encoded in pieces, decoded and written must be as it is for a whole tokenizer.
#include <signal.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/utf8.h"
#include "fuzz/tokenizers/seeds.h"
#include "support/gguf_file.h"
#include "text/files/tokenizer_export.h"
#include "text/tokenizer.h"
#include "text/tokenizer_tables.h"

namespace {

using namespace lm::fuzz;

/// Returns text of words, tokens, code points of all kinds and bytes that are no UTF-8.
std::string some_text(Random& random, const lm::Tokenizer& tokenizer) {
  constexpr const char* kParts[] = {" ",
                                    "  ",
                                    "\n",
                                    "\r\n",
                                    "\t",
                                    "the",
                                    " in",
                                    "1",
                                    "23",
                                    "\xCC\x81",
                                    "e\xCC\x81",
                                    "\xE2\x96\x81",
                                    "\xC2\xA0",
                                    "\xE3\x80\x80",
                                    "\xE4\xB8\x80",
                                    "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80",
                                    "'s",
                                    "'RE",
                                    "\xC5\xBF",
                                    "\xE1\x84\x80\xE1\x85\xA1",
                                    "\xEF\xBC\xA1",
                                    "\xC4\xB0",
                                    "<|im_star",
                                    ".",
                                    "^^"};
  std::string text;
  const std::size_t size = chance(random, 30) ? 150000 : below(random, 300);
  const auto& tables = tokenizer.tables();
  std::string stretch;
  for (std::size_t n = 1 + below(random, 40); n > 0; --n) {
    switch (random() % 6) {
      case 0:
        lm::append_utf8(stretch, static_cast<std::uint32_t>(random() % (chance(random, 2) ? 0x3000 : 0x110000)));
        break;
      case 1:
        stretch += static_cast<char>(random());
        break;
      case 2:
        stretch += tokenizer.bytes_of(static_cast<lm::TokenId>(below(random, tables.parts.tokens.size())));
        break;
      case 3:
        if (!tables.parts.added.empty()) stretch += tables.parts.tokens[pick(random, tables.parts.added).id].substr(0, 1000);
        break;
      default:
        stretch += pick(random, kParts);
    }
  }
  const unsigned often = chance(random, 2) ? 1000000 : 3;
  while (text.size() < size) {
    text += stretch.substr(0, 1000);
    if (chance(random, often)) text += pick(random, kParts);
  }
  return text;
}

std::uint64_t current_case = 0, failures = 0;

void fail(const std::string& what) {
  std::fprintf(stderr, "\rcase %llu FAILED: %s\n", static_cast<unsigned long long>(current_case), what.c_str());
  ++failures;
}

/// Encodes a text whole and in pieces, decodes it; all of it may be refused, but not in one way only.
void use(Random& random, const lm::Tokenizer& tokenizer) {
  const std::string text = some_text(random, tokenizer);
  const auto special = chance(random, 2) ? lm::SpecialTokens::allow : lm::SpecialTokens::plain;
  std::vector<lm::TokenId> ids;
  std::string refused, refused_in_pieces;
  try {
    ids = tokenizer.encode(text, special);
  } catch (const lm::Error& error) {
    refused = error.what();
  }
  std::vector<lm::TokenId> in_pieces;
  try {
    lm::StreamEncoder encoder(tokenizer, special);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + below(random, text.size() > 1000 ? 40000 : 50);
      encoder.feed(std::string_view(text).substr(at, size), in_pieces);
      at += size;
    }
    encoder.finish(in_pieces);
  } catch (const lm::Error& error) {
    refused_in_pieces = error.what();
  }
  if (refused.empty() != refused_in_pieces.empty()) fail("refused whole or in pieces only: " + refused + refused_in_pieces);
  if (!refused.empty() || !refused_in_pieces.empty()) return;
  if (ids != in_pieces) {
    write_file("/tmp/fuzz_tokenizers.txt", text);
    fail("the ids of a text in pieces differ (/tmp/fuzz_tokenizers.txt)");
  }
  for (const lm::TokenId id : ids) {
    if (id >= tokenizer.vocab_size()) fail("an id is outside the vocabulary");
  }
  const std::string decoded = tokenizer.decode(ids);
  const auto& tables = tokenizer.tables();
  const bool is_exact = tables.parts.form == lm::TokenizerParts::Form::bytes && tables.normalizer.is_identity();
  if (is_exact && !tokenizer.loses_text() && tables.added.is_simple() && decoded != text) {
    write_file("/tmp/fuzz_tokenizers.txt", text);
    fail("decoding does not give the text back (/tmp/fuzz_tokenizers.txt)");
  }
  for (int i = 0; i < 100; ++i) ids.push_back(static_cast<lm::TokenId>(below(random, tables.parts.tokens.size())));
  tokenizer.decode(ids);
}

/// Writes a tokenizer; what is written is it again.
void write(const lm::Tokenizer& tokenizer) {
  std::string json;
  try {
    json = tokenizer.to_json();
  } catch (const lm::Error&) {
    return;  // what has no form in the library's file
  }
  try {
    if (lm::Tokenizer::from_json(json, "written").fingerprint() == tokenizer.fingerprint()) return;
  } catch (const lm::Error& error) {
    return;  // two tokens are spelled alike, which whoever writes the file finds as we do
  }
  write_file("/tmp/fuzz_tokenizers.json", json);
  fail("what is written (/tmp/fuzz_tokenizers.json) is read as another tokenizer");
}

void too_long(int) {
  std::fprintf(stderr, "FAILED: case %llu takes more than a minute\n", static_cast<unsigned long long>(current_case));
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
  const std::uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const char* source = std::getenv("LM_SOURCE");
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("fuzz_tokenizers." + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::filesystem::path golden = std::filesystem::path(source == nullptr ? "." : source) / "tests" / "golden";
  const std::vector<Seed> seeds = read_seeds(golden, folder);
  signal(SIGALRM, too_long);
  std::uint64_t loaded = 0;
  for (std::uint64_t i = first; i < first + count; ++i) {
    current_case = i;
    alarm(60);
    Random random(i);
    Seed seed = pick(random, seeds);
    damage(random, seed, seeds);
    const std::string path = (folder / seed.name).string();
    write_file(path, seed.bytes);
    for (const Seed& other : seed.others) write_file((folder / other.name).string(), other.bytes);
    if (i % 1000 == 0) std::fprintf(stderr, "case %llu\n", static_cast<unsigned long long>(i));
    try {
      const lm::Tokenizer tokenizer = lm::Tokenizer::load(seed.is_of_folder() ? folder.string() : path);
      ++loaded;
      use(random, tokenizer);
      write(tokenizer);
    } catch (const lm::Error& error) {
      if (count == 1) std::fprintf(stderr, "\nrefused: %s\n", error.what());
    }
    std::filesystem::remove(path);
    for (const Seed& other : seed.others) std::filesystem::remove(folder / other.name);
  }
  std::filesystem::remove_all(folder);
  std::fprintf(stderr, "%llu tokenizers, of which %llu loaded\n", static_cast<unsigned long long>(count),
               static_cast<unsigned long long>(loaded));
  return failures == 0 ? 0 : 1;
}
