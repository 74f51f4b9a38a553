#include "text/special_names.h"

#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

std::string byte_in_hex(char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(byte);
  return {'0', 'x', kDigits[value >> 4], kDigits[value & 15]};
}

}  // namespace

std::optional<std::string> bytes_spelled_as(std::string_view name) {
  std::string bytes;
  if (name.empty() || !append_from_byte_level(name, bytes)) return std::nullopt;
  return bytes;
}

void check_special_names(const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    const std::string subject = "the special token '" + name + "' ";
    if (name.empty()) throw Error("a special token is empty; it needs two bytes or more, such as '<|user|>'");
    if (!is_utf8(name))
      throw Error("the special token " + json_quote(name) + " is not valid UTF-8, as a tokenizer.json must be");
    if (name.size() < 2) throw Error(subject + "is too short; it needs two bytes or more");
    if (!seen.insert(name).second) throw Error(subject + "is given twice");
    const std::optional<std::string> bytes = bytes_spelled_as(name);
    if (bytes && bytes->size() == 1) {
      throw Error(subject + "cannot be reserved: in a tokenizer.json it is the spelling of the byte " +
                  byte_in_hex(bytes->front()) + "; take a longer one, such as '<|" + name + "|>'");
    }
  }
}

}  // namespace lm
