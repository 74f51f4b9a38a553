// The file of `tok-train --dump-counts`, lm-counts(5): how often each pretoken occurs, in the order of their bytes, so that
// files of any size add up in little memory.
//
// Text would be larger and slower, and a table in the order of counts could not be merged as it is read. The header names what
// decides how a text is cut (pattern, unit, version of Unicode), for counts of different ones do not add up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/file.h"
#include "base/hash.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

/// What the patterns see as a whole text: each line with its ending, as Hugging Face's trainer reads files, or each document.
enum class CountingUnit { line, document };
template <>
inline constexpr auto kChoices<CountingUnit> = choice_table<CountingUnit>("unit", {{"line", CountingUnit::line},
                                                                                   {"document", CountingUnit::document}});

struct CountsHeader {
  Pattern pattern = Pattern::gpt2;
  CountingUnit unit = CountingUnit::line;
};

/// What a file of counts holds, as its end says.
struct CountsTotals {
  std::uint64_t pretokens = 0;    // distinct
  std::uint64_t occurrences = 0;  // the sum of their counts, modulo 2^64
};

/// Writes counts. Memory: a constant, and the longest pretoken.
class CountsWriter {
 public:
  CountsWriter(OutputStream& output, const CountsHeader& header);
  /// Takes the next pretoken, which is greater than the one before, and its count, which is not 0.
  void add(std::string_view pretoken, std::uint64_t count);
  /// Writes the end; closing the output is the caller's.
  void finish();

 private:
  void put(std::string_view bytes);
  void put_number(std::uint64_t number);
  void flush();

  OutputStream& output_;
  Hasher hasher_;
  std::string buffer_;
  std::string previous_;
  CountsTotals totals_;
};

/// Reads counts. Memory: a constant, and the longest pretoken. Throws Error naming `source` for what is damaged, cut off,
/// of another version, or made with another version of Unicode.
class CountsReader {
 public:
  /// Reads up to `size` bytes, as read(2) does; 0 at the end.
  using Read = std::function<std::size_t(void* buffer, std::size_t size)>;
  CountsReader(Read read, std::string source);
  const CountsHeader& header() const { return header_; }
  /// Goes to the next pretoken; returns false after the last, once everything has been verified.
  bool next();
  std::string_view pretoken() const { return pretoken_; }
  std::uint64_t count() const { return count_; }
  const CountsTotals& totals() const { return totals_; }

 private:
  [[noreturn]] void refuse(const std::string& why) const;
  bool fill();
  char get();
  void get(char* bytes, std::size_t size);
  std::uint64_t get_number();
  void read_header();
  void read_end();

  Read read_;
  std::string source_;
  Hasher hasher_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, filled_ = 0;
  std::uint64_t before_ = 0;  // bytes before the buffer
  CountsHeader header_;
  std::string pretoken_;
  std::uint64_t count_ = 0;
  CountsTotals totals_;
};

/// Calls visit for each pretoken of several files, in order, with the sum of its counts.
void merge_counts(std::vector<CountsReader>& readers,
                  const std::function<void(std::string_view pretoken, std::uint64_t count)>& visit);

}  // namespace lm
