#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/number_text.h"
#include "base/utf8.h"

namespace lm {

namespace {

constexpr std::uint64_t kTreeAllowance = std::uint64_t{8} << 20;

// Builds a tree and counts the bytes it takes; it grows vectors itself, so that the count is right before the memory is
// taken.
class TreeBuilder : public JsonHandler {
 public:
  TreeBuilder(std::string_view source, std::uint64_t allowed) : source_(source), allowed_(allowed) {}

  JsonValue take() { return std::move(root_); }

  void null() override { add(JsonValue()); }
  void boolean(bool value) override { add(JsonValue(value)); }
  void integer(std::int64_t value) override { add(JsonValue(value)); }
  void real(double value) override { add(JsonValue(value)); }
  void large_integer(std::string_view digits, double) override {
    spend(digits.size());
    add(JsonValue(JsonText{std::string(digits)}));
  }
  void string(std::string_view value) override {
    spend(value.size());
    add(JsonValue(value));
  }
  void key(std::string_view value) override {
    spend(value.size());
    open_.back().key = std::string(value);
  }
  void begin_object() override { open_.emplace_back().is_object = true; }
  void begin_array() override { open_.emplace_back(); }
  void end_object() override {
    Level level = close();
    refuse_duplicates(level.members);
    add(JsonValue(std::move(level.members)));
  }
  void end_array() override { add(JsonValue(close().items)); }

 private:
  struct Level {
    bool is_object = false;
    std::string key;
    JsonValue::Object members;
    JsonValue::Array items;
  };

  Level close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    return level;
  }

  void add(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = open_.back();
    if (level.is_object) {
      grow(level.members);
      level.members.emplace_back(std::move(level.key), std::move(value));
      level.key.clear();
    } else {
      grow(level.items);
      level.items.push_back(std::move(value));
    }
  }

  template <class Element>
  void grow(std::vector<Element>& elements) {
    if (elements.size() < elements.capacity()) return;
    const std::size_t capacity = std::max<std::size_t>(4, elements.capacity() * 2);
    spend(capacity * sizeof(Element));  // as well as the old one, which is there until its elements have moved
    const std::size_t before = elements.capacity();
    elements.reserve(capacity);
    spent_ -= before * sizeof(Element);
  }

  void spend(std::uint64_t bytes) {
    spent_ += bytes;
    if (spent_ > allowed_) {
      throw Error("cannot read '" + std::string(source_) + "': its JSON holds more values than a file of its size should");
    }
  }

  void refuse_duplicates(const JsonValue::Object& members) {
    const std::uint64_t index_bytes = members.size() * sizeof(void*);
    spend(index_bytes);
    std::vector<const std::string*> keys;
    keys.reserve(members.size());
    for (const JsonValue::Member& member : members) keys.push_back(&member.first);
    std::sort(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
    const auto same =
        std::adjacent_find(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a == *b; });
    if (same != keys.end()) {
      throw Error("invalid JSON in '" + std::string(source_) + "': the key " + json_quote((*same)->substr(0, 100)) +
                  " appears twice in one object");
    }
    spent_ -= index_bytes;
  }

  std::string_view source_;
  std::uint64_t allowed_;
  std::uint64_t spent_ = 0;
  std::vector<Level> open_;
  JsonValue root_;
};

[[noreturn]] void refuse_member(std::string_view type, std::string_view key, std::string_view source, bool missing) {
  throw Error("expected " + std::string(type) + " for '" + std::string(key) + "' in '" + std::string(source) + "'" +
              (missing ? ", which lacks it" : ""));
}

}  // namespace

JsonValue JsonValue::parse(std::string_view text, std::string_view source) {
  TreeBuilder builder(source, text.size() + kTreeAllowance);
  parse_json_events(text, source, builder);
  return builder.take();
}

const JsonValue* JsonValue::find(std::string_view key) const {
  const Object* object = if_object();
  if (object == nullptr) return nullptr;
  for (const Member& member : *object) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

std::int64_t JsonValue::integer_at(std::string_view key, std::string_view source) const {
  const JsonValue* member = find(key);
  const std::int64_t* value = member == nullptr ? nullptr : member->if_integer();
  if (value == nullptr) refuse_member("an integer", key, source, member == nullptr);
  return *value;
}

double JsonValue::number_at(std::string_view key, std::string_view source) const {
  const JsonValue* member = find(key);
  double value = 0;
  if (member == nullptr || !member->to_double(value)) refuse_member("a number", key, source, member == nullptr);
  return value;
}

bool JsonValue::boolean_at(std::string_view key, std::string_view source) const {
  const JsonValue* member = find(key);
  const bool* value = member == nullptr ? nullptr : member->if_bool();
  if (value == nullptr) refuse_member("true or false", key, source, member == nullptr);
  return *value;
}

const std::string& JsonValue::string_at(std::string_view key, std::string_view source) const {
  const JsonValue* member = find(key);
  const std::string* value = member == nullptr ? nullptr : member->if_string();
  if (value == nullptr) refuse_member("a string", key, source, member == nullptr);
  return *value;
}

bool JsonValue::to_double(double& number) const {
  if (const double* real = std::get_if<double>(&value_)) {
    number = *real;
    return true;
  }
  if (const std::int64_t* integer = if_integer()) {
    number = static_cast<double>(*integer);
    return true;
  }
  const JsonText* text = if_text();
  if (text == nullptr) return false;
  const char* end = text->text.data() + text->text.size();
  const auto [parsed, error] = std::from_chars(text->text.data(), end, number);
  return error == std::errc() && parsed == end;
}

JsonValue& JsonValue::set(std::string_view key, JsonValue value) {
  if (is_null()) value_ = Object();
  Object* object = std::get_if<Object>(&value_);
  LM_CHECK(object != nullptr);
  for (Member& member : *object) {
    if (member.first != key) continue;
    member.second = std::move(value);
    return *this;
  }
  object->emplace_back(std::string(key), std::move(value));
  return *this;
}

namespace {

void append_escaped(std::string& out, char character) {
  switch (character) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(character) >= 0x20) {
    out += character;
    return;
  }
  std::array<char, 7> escape{};
  std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(character));
  out += escape.data();
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t invalid = 0;
    const std::size_t length = utf8_length(text, invalid);
    if (length == 1) {
      append_escaped(out, text[0]);
    } else if (length > 1) {
      out += text.substr(0, length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(length > 0 ? length : invalid);
  }
  out += '"';
}

void append_real(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const std::string text = exact_text(value);
  out += text;
  if (text.find_first_of(".e") == std::string::npos) out += ".0";  // so that it reads back as a real
}

class TreeWriter {
 public:
  TreeWriter(std::string& out, int indent) : out_(out), indent_(indent) {}

  void write(const JsonValue& value) {
    double number = 0;
    if (const bool* boolean = value.if_bool()) {
      out_ += *boolean ? "true" : "false";
    } else if (const std::int64_t* integer = value.if_integer()) {
      out_ += std::to_string(*integer);
    } else if (const JsonText* json = value.if_text()) {
      out_ += json->text;
    } else if (value.to_double(number)) {
      append_real(out_, number);
    } else if (const std::string* text = value.if_string()) {
      append_quoted(out_, *text);
    } else if (const JsonValue::Array* array = value.if_array()) {
      write_list(*array, '[', ']', [&](const JsonValue& item) { write(item); });
    } else if (const JsonValue::Object* object = value.if_object()) {
      write_list(*object, '{', '}', [&](const JsonValue::Member& member) {
        append_quoted(out_, member.first);
        out_ += indent_ < 0 ? ":" : ": ";
        write(member.second);
      });
    } else {
      out_ += "null";
    }
  }

 private:
  template <class List, class WriteItem>
  void write_list(const List& list, char open, char close, WriteItem write_item) {
    out_ += open;
    ++depth_;
    bool first = true;
    for (const auto& item : list) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      write_item(item);
    }
    --depth_;
    if (!first) new_line();
    out_ += close;
  }

  void new_line() {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(depth_), ' ');
  }

  std::string& out_;
  int indent_;
  int depth_ = 0;
};

}  // namespace

std::string JsonValue::dump(int indent) const {
  std::string out;
  TreeWriter(out, indent).write(*this);
  return out;
}

std::string json_quote(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string_view json_string_in(const JsonValue& value, std::string_view key) {
  const JsonValue* member = value.find(key);
  return member != nullptr && member->if_string() != nullptr ? std::string_view(*member->if_string()) : std::string_view();
}

std::optional<bool> json_bool_in(const JsonValue& value, std::string_view key) {
  const JsonValue* member = value.find(key);
  return member != nullptr && member->if_bool() != nullptr ? std::optional(*member->if_bool()) : std::nullopt;
}

}  // namespace lm
