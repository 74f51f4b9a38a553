#include "text/unigram/unigram.h"

#include <array>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/utf8.h"

namespace lm {

namespace {

constexpr double kUnknownPenalty = 10.0;

[[noreturn]] void reject_unigram(std::string_view source, const std::string& why) {
  throw Error("cannot use the tokenizer '" + std::string(source) + "': " + why);
}

double power_of_ten(int exponent) {
  const std::string spelled = "1e" + std::to_string(exponent);
  double power = 0;
  std::from_chars(spelled.data(), spelled.data() + spelled.size(), power);
  return power;
}

/// Returns what Hugging Face's JSON reader makes of a number's shortest spelling: its digits as an integer in double, scaled by a
/// power of ten. That is often not the nearest double, which decides between ways to cut a run that are otherwise equal.
double as_read_by_hugging_face(double number) {
  std::array<char, 32> spelled;
  const auto end = std::to_chars(spelled.begin(), spelled.end(), std::abs(number), std::chars_format::scientific).ptr;
  std::uint64_t digits = 0;
  int exponent = 0;
  const char* at = spelled.begin();
  for (bool fraction = false; at != end && *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    exponent -= fraction ? 1 : 0;
  }
  int scale = 0;
  at += at + 1 < end && at[1] == '+' ? 2 : 1;
  std::from_chars(at, end, scale);
  exponent += scale;
  auto read = static_cast<double>(digits);
  if (exponent < -308) {
    read /= power_of_ten(308);
    exponent += 308;
  }
  read = exponent < 0 ? read / power_of_ten(-exponent) : read * power_of_ten(exponent);
  return std::isfinite(read) ? std::copysign(read, number) : number;
}

}  // namespace

Unigram::Unigram(const TokenStrings& tokens, std::vector<double> scores, UnigramOptions options, std::string_view source)
    : tokens_(tokens), scores_(std::move(scores)), options_(std::move(options)) {
  const std::uint32_t count = tokens_.size();
  const auto check = [&](std::size_t size, const char* what) {
    if (size != count) {
      reject_unigram(source, "it has " + std::to_string(count) + " tokens, but " + std::to_string(size) + " " + what);
    }
  };
  check(scores_.size(), "scores");
  if (!options_.kinds.empty()) check(options_.kinds.size(), "kinds of tokens");
  if (!options_.absent.empty()) check(options_.absent.size(), "flags of tokens");
  if (count >= PrefixTrie::kNoToken) reject_unigram(source, "it has more than 8 million tokens");
  if (options_.unk && *options_.unk >= count) reject_unigram(source, "its unknown token is not in the vocabulary");
  for (const double score : scores_) {
    if (!std::isfinite(score)) reject_unigram(source, "one of its scores is not a finite number");
  }
  if (options_.flavor == UnigramOptions::Flavor::hugging_face) {
    for (double& score : scores_) score = as_read_by_hugging_face(score);
  }
  set_unknown_score();
  index_tokens();
  if (options_.flavor == UnigramOptions::Flavor::sentencepiece) {
    float_scores_.reserve(count);
    for (const double score : scores_) float_scores_.push_back(static_cast<float>(score));
    scores_ = {};
  }
}

void Unigram::set_unknown_score() {
  const bool hugging_face = options_.flavor == UnigramOptions::Flavor::hugging_face;
  double lowest = hugging_face ? std::numeric_limits<double>::infinity() : double{FLT_MAX};
  for (TokenId id = 0; id < tokens_.size(); ++id) {
    if (!is_absent(id) && (hugging_face || kind_of(id) == PieceKind::normal)) lowest = std::min(lowest, scores_[id]);
  }
  unknown_score_ = lowest - kUnknownPenalty;
  if (hugging_face) return;
  unknown_float_ = static_cast<float>(lowest) - static_cast<float>(kUnknownPenalty);
  unknown_score_ = double{unknown_float_};
}

void Unigram::index_tokens() {
  const bool hugging_face = options_.flavor == UnigramOptions::Flavor::hugging_face;
  const bool sentencepiece = options_.flavor == UnigramOptions::Flavor::sentencepiece;
  ByteTokens bytes{};
  std::vector<PrefixTrie::Key> keys;
  keys.reserve(tokens_.size());
  for (TokenId id = 0; id < tokens_.size(); ++id) {
    if (is_absent(id)) continue;
    const std::string_view spelling = tokens_[id];
    if (const std::optional<unsigned> byte = byte_of_token_name(spelling)) bytes[*byte] = id;
    const PieceKind kind = kind_of(id);
    const bool from_text = hugging_face || kind == PieceKind::normal || kind == PieceKind::user_defined ||
                           (kind == PieceKind::unused && !sentencepiece);
    if (!from_text) continue;
    keys.emplace_back(spelling, id);
    longest_ = std::max(longest_, spelling.size());
    if (hugging_face || kind != PieceKind::user_defined) continue;
    // User-defined pieces are likelier than others.
    scores_[id] = sentencepiece ? double{static_cast<float>(0.1 * (static_cast<int>(spelling.size()) - 1))} : 0.0;
  }
  trie_.build(std::move(keys));
  if (options_.byte_fallback) byte_tokens_ = bytes;
}

}  // namespace lm
