#include "text/training/counts_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <queue>
#include <utility>

#include "base/error.h"
#include "base/little_endian.h"
#include "text/unicode/unicode.h"

namespace lm {

namespace {

constexpr std::size_t kMagicBytes = 16, kNameBytes = 16, kHeaderBytes = 64, kEndBytes = 40;
constexpr std::string_view kMagic = "lm-counts 2\n", kAnyMagic = "lm-counts ", kEnd = "lm-counts end\n";
constexpr std::size_t kBufferBytes = std::size_t{1} << 16U;

std::string padded(std::string_view text, std::size_t size) {
  std::string bytes(text);
  bytes.resize(size, '\0');
  return bytes;
}

std::string_view unpadded(std::string_view bytes) {
  const std::string_view text = bytes.substr(0, bytes.find('\0'));
  return bytes.find_first_not_of('\0', text.size()) == std::string_view::npos ? text : std::string_view();
}

}  // namespace

CountsWriter::CountsWriter(OutputStream& output, const CountsHeader& header) : output_(output) {
  buffer_.reserve(kBufferBytes + 64);
  put(padded(kMagic, kMagicBytes));
  put(padded(to_string(header.pattern), kNameBytes));
  put(padded(to_string(header.unit), kNameBytes));
  put(padded(kUnicodeVersion, kNameBytes));
}

void CountsWriter::flush() {
  hasher_.update(buffer_.data(), buffer_.size());
  output_.write(buffer_);
  buffer_.clear();
}

void CountsWriter::put(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() <= kBufferBytes) {
    buffer_ += bytes;
    return;
  }
  hasher_.update(bytes.data(), bytes.size());
  output_.write(bytes);
}

void CountsWriter::put_number(std::uint64_t number) {
  std::array<char, 10> bytes;
  std::size_t size = 0;
  for (; number >= 0x80; number >>= 7U) bytes[size++] = static_cast<char>((number & 0x7FU) | 0x80U);
  bytes[size++] = static_cast<char>(number);
  put({bytes.data(), size});
}

void CountsWriter::add(std::string_view pretoken, std::uint64_t count) {
  LM_CHECK(count > 0 && pretoken > previous_);
  const std::size_t least = std::min(pretoken.size(), previous_.size());
  const auto differs =
      std::mismatch(pretoken.begin(), pretoken.begin() + static_cast<std::ptrdiff_t>(least), previous_.begin());
  const auto same = static_cast<std::size_t>(differs.first - pretoken.begin());
  put_number(same);
  put_number(pretoken.size() - same);
  put(pretoken.substr(same));
  put_number(count);
  previous_.resize(same);
  previous_ += pretoken.substr(same);
  ++totals_.pretokens;
  totals_.occurrences += count;
}

void CountsWriter::finish() {
  put_number(0);
  put_number(0);
  flush();
  output_.write(padded(kEnd, kMagicBytes) + little_bytes(totals_.pretokens) + little_bytes(totals_.occurrences) +
                little_bytes(hasher_.digest64()));
}

CountsReader::CountsReader(Read read, std::string source)
    : read_(std::move(read)), source_(std::move(source)), buffer_(kBufferBytes) {
  read_header();
}

void CountsReader::refuse(const std::string& why) const { throw Error("cannot read the counts '" + source_ + "': " + why); }

bool CountsReader::fill() {
  hasher_.update(buffer_.data(), filled_);
  before_ += filled_;
  at_ = 0;
  filled_ = read_(buffer_.data(), buffer_.size());
  return filled_ > 0;
}

char CountsReader::get() {
  if (at_ == filled_ && !fill())
    refuse("they end at byte " + std::to_string(before_) + ", before their end was written; copy or make them again");
  return buffer_[at_++];
}

void CountsReader::get(char* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[i] = get();
}

std::uint64_t CountsReader::get_number() {
  std::uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(get());
    const std::uint64_t part = byte & 0x7FU;
    if (shift > 63 || (shift == 63 && part > 1) || (shift > 0 && byte == 0))
      refuse("damaged at byte " + std::to_string(before_ + at_ - 1));
    number |= part << shift;
    if (byte < 0x80) return number;
  }
}

void CountsReader::read_header() {
  std::array<char, kHeaderBytes> bytes{};
  std::size_t size = 0;
  // Something shorter may be no counts at all, and then that is what to say.
  while (size < bytes.size() && (at_ < filled_ || fill())) bytes[size++] = buffer_[at_++];
  const std::string_view header(bytes.data(), size);
  if (!header.starts_with(kAnyMagic)) refuse("it does not begin as tok-train --dump-counts writes");
  if (!header.starts_with(kMagic)) {
    refuse("it is of another version ('" +
           std::string(header.substr(0, std::min<std::size_t>(header.find_first_of(" \n", kAnyMagic.size()), 24))) +
           "') than this program's 2; make it again with tok-train --dump-counts");
  }
  if (size < bytes.size()) refuse("it ends inside its header; copy or make it again");
  const std::string_view pattern = unpadded(header.substr(kMagicBytes, kNameBytes)),
                         unit = unpadded(header.substr(32, kNameBytes)), unicode = unpadded(header.substr(48, kNameBytes));
  const auto known_pattern = find_choice<Pattern>(pattern);
  const auto known_unit = find_choice<CountingUnit>(unit);
  if (unpadded(header.substr(0, kMagicBytes)) != kMagic || !known_pattern || !known_unit)
    refuse("unknown pattern or unit in its header");
  if (unicode != kUnicodeVersion) {
    refuse("they were made with the characters of another version of Unicode than " + std::string(kUnicodeVersion) +
           "; make them again");
  }
  header_ = {*known_pattern, *known_unit};
}

bool CountsReader::next() {
  const std::uint64_t start = before_ + at_, same = get_number(), more = get_number();
  if (same == 0 && more == 0) {
    read_end();
    return false;
  }
  const auto damaged = [&] { refuse("damaged at byte " + std::to_string(start)); };
  if (more == 0 || same > pretoken_.size() || more > kTextLimit.bytes) damaged();
  const bool at_end = same == pretoken_.size();
  const unsigned char replaced = at_end ? 0 : static_cast<unsigned char>(pretoken_[same]);
  pretoken_.resize(same);
  for (std::uint64_t i = 0; i < more; ++i) pretoken_ += get();
  if (!at_end && static_cast<unsigned char>(pretoken_[same]) <= replaced) damaged();
  count_ = get_number();
  if (count_ == 0) damaged();
  ++totals_.pretokens;
  totals_.occurrences += count_;
  return true;
}

void CountsReader::read_end() {
  hasher_.update(buffer_.data(), at_);
  before_ += at_;
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(at_), buffer_.begin() + static_cast<std::ptrdiff_t>(filled_),
            buffer_.begin());
  filled_ -= at_;
  at_ = 0;
  const std::uint64_t hash = hasher_.digest64();
  std::array<char, kEndBytes> bytes;
  get(bytes.data(), bytes.size());
  const std::string_view end(bytes.data(), bytes.size());
  if (end.substr(0, kMagicBytes) != padded(kEnd, kMagicBytes) ||
      load_little<std::uint64_t>(end.data() + 16) != totals_.pretokens ||
      load_little<std::uint64_t>(end.data() + 24) != totals_.occurrences ||
      load_little<std::uint64_t>(end.data() + 32) != hash)
    refuse("they are damaged: their checksum is that of other bytes; copy or make them again");
  if (at_ < filled_ || fill()) refuse("something follows their end; give several files as several arguments");
}

void merge_counts(std::vector<CountsReader>& readers,
                  const std::function<void(std::string_view pretoken, std::uint64_t count)>& visit) {
  const auto later = [&](std::size_t a, std::size_t b) { return readers[a].pretoken() > readers[b].pretoken(); };
  std::vector<std::size_t> heap;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    if (readers[i].next()) heap.push_back(i);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  std::string pretoken;
  while (!heap.empty()) {
    pretoken = readers[heap.front()].pretoken();
    std::uint64_t sum = 0;
    while (!heap.empty() && readers[heap.front()].pretoken() == pretoken) {
      std::pop_heap(heap.begin(), heap.end(), later);
      CountsReader& reader = readers[heap.back()];
      if (__builtin_add_overflow(sum, reader.count(), &sum))
        throw Error("a pretoken occurs more than 2^64 times; count less text");
      if (reader.next()) {
        std::push_heap(heap.begin(), heap.end(), later);
      } else {
        heap.pop_back();
      }
    }
    visit(pretoken, sum);
  }
}

}  // namespace lm
