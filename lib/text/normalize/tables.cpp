#include "text/normalize/tables.h"

namespace lm {

NormalizeTable<std::uint8_t> member_table(std::span<const NormalizeRange> ranges) {
  NormalizeTable<std::uint8_t> table;
  for (const NormalizeRange& range : ranges) table.set(range.first, range.last, 1);
  return table;
}

NormalizeTable<std::int32_t> case_table(std::span<const CaseRange> ranges) {
  NormalizeTable<std::int32_t> table;
  for (const CaseRange& range : ranges) {
    for (std::uint32_t point = range.first; point <= range.last; point += range.step) table.set(point, point, range.delta);
  }
  return table;
}

}  // namespace lm
