// Cloze items: contexts with endings of which one is right, or texts whose last word is to be predicted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tasks/evaluate/judgements.h"

namespace lm {

struct ClozeItem {
  std::string context = {};
  std::vector<std::string> endings = {};  // as they follow the context; only one: the last word of a text
  std::int64_t answer = 0;                // which ending is right
  ItemLabels labels = {};

  bool is_last_word() const { return endings.size() == 1; }
};

/// Returns the item of a record that has a context (`context`, `ctx` or `query`), endings (`endings`, `candidates` or `choices`: at
/// least two strings, none empty) and an answer (`answer`, `label` or `gold`: an index from 0, a number or a string of digits); of
/// several names the first counts. Or, of a record with only a `text`, its last word after all before it, whitespace at the end
/// left out. Throws Error naming `source`.
ClozeItem cloze_item_of(const JsonValue& record, const std::string& source);

/// Receives an item, and where it is.
using VisitClozeItem = std::function<void(const ClozeItem& item, const std::string& source)>;
/// Reads JSON lines of every path, or arrays, compressed or not. Throws Error.
void for_each_cloze_item(const std::vector<std::string>& paths, const VisitClozeItem& visit);

}  // namespace lm
