// A small part of a large JSON document, gathered from its events.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace lm {

/// Gathers the events of one value into a JsonValue. Values of more than 65536 parts are refused: none that matters is so
/// large.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string_view source) : source_(source) {}
  bool is_done() const { return levels_.empty(); }
  JsonValue take() { return std::move(root_); }

  void key(std::string_view name) {
    Level& level = levels_.back();
    if (!level.names.emplace(name).second)
      throw Error("invalid tokenizer '" + source_ + "': the key " + json_quote(name.substr(0, 100)) + " appears twice");
    level.key = name;
  }
  void begin(bool is_object) {
    if (levels_.empty()) count_ = 0;
    count();
    levels_.push_back({is_object, {}, {}, {}, {}});
  }
  void end() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    value(level.is_object ? JsonValue(std::move(level.members)) : JsonValue(std::move(level.elements)));
  }
  void value(JsonValue value) {
    count();
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (levels_.back().is_object) {
      levels_.back().members.emplace_back(levels_.back().key, std::move(value));
    } else {
      levels_.back().elements.push_back(std::move(value));
    }
  }

 private:
  struct Level {
    bool is_object;
    std::string key;
    std::set<std::string, std::less<>> names;
    JsonValue::Object members;
    JsonValue::Array elements;
  };
  void count() {
    if (++count_ > 65536) throw Error("invalid tokenizer '" + source_ + "': a part of it that should be small is not");
  }
  std::string source_;
  std::vector<Level> levels_;
  JsonValue root_;
  int count_ = 0;
};

}  // namespace lm
