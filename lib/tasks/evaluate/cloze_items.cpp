#include "tasks/evaluate/cloze_items.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"
#include "tasks/evaluate/read_records.h"
#include "tasks/evaluate/white_space.h"

namespace lm {
namespace {

std::vector<std::string> endings_of(const JsonValue& list, const std::string& source) {
  std::vector<std::string> endings;
  const JsonValue::Array* array = list.if_array();
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const std::string* ending = (*array)[i].if_string();
    if (ending == nullptr || ending->empty()) {
      throw Error("expected a list of texts for the endings in " + source + "; number " + std::to_string(i) + " is " +
                  (ending == nullptr ? "none" : "empty"));
    }
    endings.push_back(*ending);
  }
  if (endings.size() < 2) throw Error("expected a list of at least two texts for the endings in " + source);
  return endings;
}

std::int64_t answer_of(const JsonValue& record, std::size_t endings, const std::string& source) {
  const JsonValue* value = find_any(record, {"answer", "label", "gold"});
  std::int64_t answer = -1;
  if (value != nullptr && value->if_integer() != nullptr) answer = *value->if_integer();
  if (value != nullptr && value->if_string() != nullptr) {
    const std::string& text = *value->if_string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), answer);
    if (error != std::errc() || end != text.data() + text.size()) answer = -1;
  }
  if (answer >= 0 && answer < static_cast<std::int64_t>(endings)) return answer;
  throw Error("expected the index of an ending, from 0 to " + std::to_string(endings - 1) +
              ", for 'answer' or 'label' or 'gold' in " + source);
}

ClozeItem last_word_of(std::string_view text, const std::string& source) {
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  if (text.empty()) throw Error("expected a text with a word for 'text' in " + source);
  std::size_t start = text.size();
  while (start > 0 && !is_white_space(text[start - 1])) --start;
  return {.context = std::string(text.substr(0, start)), .endings = {std::string(text.substr(start))}};
}

}  // namespace

ClozeItem cloze_item_of(const JsonValue& record, const std::string& source) {
  ClozeItem item;
  const JsonValue* endings = find_any(record, {"endings", "candidates", "choices"});
  if (endings != nullptr) {
    item.context = string_of(record, {"context", "ctx", "query"}, source);
    item.endings = endings_of(*endings, source);
    item.answer = answer_of(record, item.endings.size(), source);
  } else if (record.find("text") != nullptr) {
    item = last_word_of(record.string_at("text", source), source);
  } else {
    throw Error("expected 'context', 'endings' and 'answer', or 'text', in " + source);
  }
  item.labels = labels_of(record, source);
  return item;
}

void for_each_cloze_item(const std::vector<std::string>& paths, const VisitClozeItem& visit) {
  for_each_record(paths,
                  [&](const JsonValue& record, const std::string& source) { visit(cloze_item_of(record, source), source); });
}

}  // namespace lm
