#include "data/windows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/rng.h"
#include "base/round.h"

namespace lm {

TokenCorpus::TokenCorpus(std::span<const TokenFile> files) : files_(files) {
  LM_CHECK(!files.empty());
  info_ = files.front().info();
  info_.tokens.reset();
  info_.documents.reset();
  for (const TokenFile& file : files) {
    const TokenFileInfo& info = file.info();
    if (info.fingerprint != info_.fingerprint || info.vocab_size != info_.vocab_size ||
        info.end_of_text != info_.end_of_text || info.begins != info_.begins) {
      const std::string what =
          info.fingerprint != info_.fingerprint
              ? "made with tokenizer " + to_hex(info.fingerprint) + " and " + to_hex(info_.fingerprint)
          : info.end_of_text != info_.end_of_text ? "their documents end with token " + std::to_string(info.end_of_text) +
                                                        " and with " + std::to_string(info_.end_of_text)
          : info.begins != info_.begins
              ? std::string("the documents of one begin with a begin token, those of the other do not")
              : "their vocabularies are " + std::to_string(info.vocab_size) + " and " + std::to_string(info_.vocab_size);
      throw Error("cannot use '" + file.name() + "' together with '" + files.front().name() + "': " + what +
                  "; encode both with the same tokenizer, --begin and --end-of-text");
    }
    starts_.push_back(end_);
    end_ += file.size();
  }
  starts_.push_back(end_);
}

TokenCorpus TokenCorpus::range(std::int64_t begin, std::int64_t end) const {
  LM_CHECK(begin >= 0 && begin <= end && end <= size());
  TokenCorpus part = *this;
  part.end_ = begin_ + end;
  part.begin_ = begin_ + begin;
  return part;
}

void TokenCorpus::copy(std::int64_t first, std::span<TokenId> out) const {
  LM_CHECK(first >= 0 && first <= size() && static_cast<std::int64_t>(out.size()) <= size() - first);
  std::int64_t place = begin_ + first;
  auto file = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), place) - starts_.begin()) - 1;
  while (!out.empty()) {
    const auto available = static_cast<std::size_t>(starts_[file + 1] - place);
    const auto part = out.first(std::min(out.size(), available));
    files_[file].tokens(place - starts_[file], part);
    out = out.subspan(part.size());
    place = starts_[++file];
  }
}

Fingerprint TokenCorpus::identity() const {
  Hasher hasher;
  const auto add = [&](std::uint64_t value) {
    std::array<unsigned char, 8> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
    hasher.update(bytes.data(), bytes.size());
  };
  for (const TokenFile& file : files_) {
    add(static_cast<std::uint64_t>(file.size()));
    add(file.hash());
  }
  add(static_cast<std::uint64_t>(begin_));
  add(static_cast<std::uint64_t>(end_));
  add(info_.fingerprint.low);
  add(info_.fingerprint.high);
  return hasher.digest128();
}

HeldOut hold_out(std::span<TokenFile> files, double fraction) {
  LM_CHECK(fraction > 0 && fraction < 1);
  const TokenCorpus corpus(files);
  std::int64_t documents = 0;
  for (TokenFile& file : files) documents += file.documents();
  const std::int64_t all = documents > 1 ? documents : corpus.size();
  if (all < 2) throw Error("cannot hold out a part of '" + files.front().name() + "': it holds one token or none");
  const std::int64_t held = std::clamp<std::int64_t>(std::llround(fraction * static_cast<double>(all)), 1, all - 1);
  std::int64_t cut = all - held;
  if (documents > 1) {
    std::int64_t kept = all - held;  // documents before the cut
    cut = 0;
    for (TokenFile& file : files) {
      if (kept <= file.documents()) {
        cut += file.end_of_document(kept - 1);
        break;
      }
      kept -= file.documents();
      cut += file.size();
    }
  }
  return {.train = corpus.range(0, cut), .valid = corpus.range(cut, corpus.size())};
}

Permutation::Permutation(std::int64_t size, std::uint64_t key, std::uint64_t index) : size_(size), key_(key), index_(index) {
  LM_CHECK(size >= 1);
  const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(size - 1)));
  half_bits_ = std::max(1, (bits + 1) / 2);
}

std::int64_t Permutation::operator()(std::int64_t position) const {
  LM_CHECK(position >= 0 && position < size_);
  auto value = static_cast<std::uint64_t>(position);
  do {
    value = encrypt(value);
  } while (value >= static_cast<std::uint64_t>(size_));  // ends: the walk is a cycle that began inside
  return static_cast<std::int64_t>(value);
}

std::uint64_t Permutation::encrypt(std::uint64_t value) const {
  // Four rounds make a strong pseudo-random permutation of large halves (Luby and Rackoff 1988); small halves mix in eight.
  constexpr std::uint64_t kRounds = 8;
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    const std::uint64_t mixed = (left ^ philox(key_, round << 32 | right, index_)[0]) & mask;
    left = right;
    right = mixed;
  }
  return left << half_bits_ | right;
}

Windows::Windows(TokenCorpus corpus, const WindowOptions& options) : corpus_(std::move(corpus)), options_(options) {
  LM_CHECK(options.stride >= 1 && options.length >= options.stride);
}

std::int64_t Windows::offset(std::int64_t epoch) const {
  if (epoch == 0 || options_.order == WindowOrder::file) return 0;
  Rng rng(options_.seed, RngPurpose::data_offset, static_cast<std::uint64_t>(epoch));
  return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(options_.stride)));
}

// The last window is the first that reaches place M: K S - o + (W - S) - 1 >= M with K windows.
std::int64_t Windows::count(std::int64_t epoch) const {
  if (corpus_.size() == 0) return 0;
  const std::int64_t overlap = options_.length - options_.stride;
  const std::int64_t new_places = corpus_.size() + corpus_.info().virtual_tokens() - overlap + offset(epoch);
  return std::max<std::int64_t>(1, divide_up(new_places, options_.stride));
}

void Windows::window(std::int64_t epoch, std::int64_t index, std::span<TokenId> tokens,
                     std::span<std::uint8_t> valid) const {
  LM_CHECK(static_cast<std::int64_t>(tokens.size()) == options_.length && valid.size() == tokens.size());
  std::int64_t number = index;
  if (options_.order == WindowOrder::shuffled) {
    const std::uint64_t key = rng_key(options_.seed, RngPurpose::data_order);
    number = Permutation(count(epoch), key, static_cast<std::uint64_t>(epoch))(index);
  }
  const std::int64_t start = number * options_.stride - offset(epoch);
  const std::int64_t end = start + options_.length;
  std::fill(tokens.begin(), tokens.end(), corpus_.info().end_of_text);
  std::fill(valid.begin(), valid.end(), std::uint8_t{0});
  const std::int64_t first = std::max<std::int64_t>(start, 0);
  const std::int64_t virtual_places = corpus_.info().virtual_tokens();
  const std::int64_t last = std::min(end, corpus_.size() + virtual_places);  // places [first, last) exist
  if (first >= last) return;
  const auto existing = [&](auto span) {
    return span.subspan(static_cast<std::size_t>(first - start), static_cast<std::size_t>(last - first));
  };
  std::fill_n(existing(valid).begin(), last - first, std::uint8_t{1});
  const bool opens = first == 0 && virtual_places == 1;  // place 0 is the virtual end-of-text
  corpus_.copy(opens ? 0 : first - virtual_places, opens ? existing(tokens).subspan(1) : existing(tokens));
}

void Windows::next(DataPosition& position, std::span<TokenId> tokens, std::span<std::uint8_t> valid) const {
  if (corpus_.size() == 0) throw Error("cannot train on no tokens at all");
  if (position.index >= count(position.epoch)) position = {.epoch = position.epoch + 1, .index = 0};
  window(position.epoch, position.index, tokens, valid);
  ++position.index;
}

StreamWindows::StreamWindows(TokenReader& reader, std::int64_t length, std::int64_t stride)
    : reader_(reader), length_(length), stride_(stride), places_(reader.info().virtual_tokens()) {
  if (places_ == 1) pending_.push_back(reader.info().end_of_text);
  LM_CHECK(stride >= 1 && length >= stride);
}

void StreamWindows::fill() {
  const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(length_, 2));  // 2: is there more than x_0?
  while (!ended_ && pending_.size() < wanted) {
    const std::size_t before = pending_.size();
    pending_.resize(wanted);
    const std::size_t count = reader_.read(std::span(pending_).subspan(before));
    pending_.resize(before + count);
    places_ += static_cast<std::int64_t>(count);
    ended_ = count == 0;
  }
}

bool StreamWindows::next(std::span<TokenId> tokens, std::span<std::uint8_t> valid) {
  LM_CHECK(static_cast<std::int64_t>(tokens.size()) == length_ && valid.size() == tokens.size());
  fill();
  const std::int64_t overlap = length_ - stride_;
  // Nothing new in it: what is pending was in the window before (in the first there must be a token as well as the virtual
  // one).
  const bool nothing_new = static_cast<std::int64_t>(pending_.size()) <= (next_start_ == 0 ? 0 : overlap);
  if (places_ <= 1 || nothing_new) return false;
  std::fill(tokens.begin(), tokens.end(), reader_.info().end_of_text);
  std::fill(valid.begin(), valid.end(), std::uint8_t{0});
  const std::size_t count = std::min(pending_.size(), tokens.size());
  std::copy_n(pending_.begin(), count, tokens.begin());
  std::fill_n(valid.begin(), count, std::uint8_t{1});
  const auto passed = std::min(pending_.size(), static_cast<std::size_t>(stride_));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(passed));
  next_start_ += stride_;
  return true;
}

}  // namespace lm
