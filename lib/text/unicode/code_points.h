// Sets of code points and tables over all of them: Unicode 16.0 as Oniguruma has it, by name, and the classes of the
// pre-tokenizers that have tables of their own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lm {

inline constexpr std::uint32_t kCodePointCount = 0x110000;
/// Stands for a maximal invalid part of UTF-8 in sets: a character of no class, which only negated sets hold.
inline constexpr std::uint32_t kInvalidCharacter = kCodePointCount;

struct CodePointRange {
  std::uint32_t first, last;
  bool operator==(const CodePointRange&) const = default;
};

/// A set of code points and perhaps kInvalidCharacter, as ascending ranges with gaps between them.
class CodePointSet {
 public:
  CodePointSet() = default;
  explicit CodePointSet(std::span<const CodePointRange> ranges);
  CodePointSet(std::initializer_list<CodePointRange> ranges) : CodePointSet(std::span(ranges.begin(), ranges.size())) {}

  const std::vector<CodePointRange>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  bool contains(std::uint32_t code_point) const;
  CodePointSet united(const CodePointSet& other) const;
  CodePointSet intersected(const CodePointSet& other) const { return inverted().united(other.inverted()).inverted(); }
  CodePointSet without(const CodePointSet& other) const { return intersected(other.inverted()); }
  CodePointSet inverted() const;
  bool operator==(const CodePointSet&) const = default;

 private:
  std::vector<CodePointRange> ranges_;
};

/// A byte for every code point and for kInvalidCharacter, looked up in two stages.
class CodePointTable {
 public:
  /// values has one byte for every code point; `invalid` is that of kInvalidCharacter and whatever is above.
  CodePointTable(std::span<const std::uint8_t> values, std::uint8_t invalid);
  std::uint8_t of(std::uint32_t code_point) const {
    return code_point < kCodePointCount ? pages_[page_of_[code_point / kPage]][code_point % kPage] : invalid_;
  }

 private:
  static constexpr std::uint32_t kPage = 128;
  std::array<std::uint16_t, kCodePointCount / kPage> page_of_;
  std::vector<std::array<std::uint8_t, kPage>> pages_;
  std::uint8_t invalid_;
};

/// Returns the set of Oniguruma's \p{name}: a general category ("Lu", "L", "Letter"), a script ("Han") or a property such as
/// "Alpha"; upper and lower case, spaces, '_' and '-' do not matter. Nothing for an unknown name.
std::optional<CodePointSet> find_property(std::string_view name);

/// Classes of the pre-tokenizers of Hugging Face's tokenizers 0.23, as bits.
struct ComponentClass {
  static constexpr std::uint8_t number = 1;       // Rust's char::is_numeric
  static constexpr std::uint8_t space = 2;        // White_Space
  static constexpr std::uint8_t punctuation = 4;  // of Punctuation and BertPreTokenizer: older tables, and all of ASCII's
  static constexpr std::uint8_t word = 8;         // \w of Rust's regex, in Whitespace
};
const CodePointTable& component_classes();
/// Returns the script of each code point as UnicodeScripts has it (numbers that only tell scripts apart); 0 is any script.
const CodePointTable& component_scripts();
/// Returns the general category of each code point: its place in general_category_names().
const CodePointTable& general_categories();
/// Returns "Cn" (also that of invalid UTF-8), "Lu", "Ll", ...
std::span<const std::string_view> general_category_names();

// The generated tables. A run is its length * 256 + its value; the runs cover all code points.
std::span<const std::uint32_t> category_runs();
std::span<const CodePointRange> more_alphabetic();
std::span<const CodePointRange> more_upper();
std::span<const CodePointRange> more_lower();
std::span<const std::string_view> script_names();  // lower-case letters only; the first is empty
std::span<const std::uint32_t> script_runs();
std::span<const CodePointRange> component_more_numbers();
std::span<const CodePointRange> component_more_punctuation();
std::span<const CodePointRange> component_no_punctuation();
std::span<const std::uint32_t> component_script_runs();

}  // namespace lm
