#include "text/normalize/tables.h"

namespace lm {

CodePointTable<std::uint8_t> member_table(std::span<const CodePointRange> ranges) {
  CodePointTable<std::uint8_t> table;
  for (const CodePointRange& range : ranges) table.set(range.first, range.last, 1);
  return table;
}

CodePointTable<std::int32_t> case_table(std::span<const CaseRange> ranges) {
  CodePointTable<std::int32_t> table;
  for (const CaseRange& range : ranges) {
    for (std::uint32_t point = range.first; point <= range.last; point += range.step) table.set(point, point, range.delta);
  }
  return table;
}

}  // namespace lm
