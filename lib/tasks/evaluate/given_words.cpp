#include "tasks/evaluate/given_words.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"

namespace lm {

GivenWords::GivenWords(const std::string& path) : path_(path) {
  if (path.empty()) return;
  std::int64_t number = 0;
  for_each_document({path}, {.kind = DocumentKind::Kind::line, .detail = {}}, [&](std::string_view line) {
    ++number;
    line = line.substr(0, line.find('\t'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty())
      lines_.push_back({std::string(line), "line " + std::to_string(number) + " of '" + input_name(path_) + "'"});
  });
  if (lines_.empty()) throw Error("no words in '" + input_name(path) + "'; expected one a line");
}

bool GivenWords::begin_document(const JsonDocument& document) {
  const bool has_words = document.words != nullptr && path_.empty();
  const bool is_first = documents_ == 0;
  if (!is_first && has_words != has_lists_) {
    throw Error(document.place + (has_words ? " is a list of words" : " is no list of words") +
                ", other than those before; give all documents as lists, or none");
  }
  has_lists_ = has_words;
  if (has_words) {
    lists_.push_back({.document = documents_,
                      .words = std::deque<std::string>(document.words->begin(), document.words->end()),
                      .place = document.place});
  }
  ++documents_;
  return is_first && has_words;
}

std::optional<GivenWord> GivenWords::next(std::int64_t document) {
  while (!lists_.empty() && lists_.front().document < document) lists_.pop_front();
  if (!lists_.empty() && lists_.front().document == document) {
    Listed& list = lists_.front();
    if (list.words.empty()) return std::nullopt;
    GivenWord word{std::move(list.words.front()), list.place};
    list.words.pop_front();
    return word;
  }
  if (lines_.empty()) return std::nullopt;
  GivenWord word = std::move(lines_.front());
  lines_.pop_front();
  return word;
}

void GivenWords::check_all_used() const {
  if (lines_.empty()) return;
  throw Error("the texts end before the word " + json_quote(lines_.front().text) + " (" + lines_.front().place + ")");
}

}  // namespace lm
