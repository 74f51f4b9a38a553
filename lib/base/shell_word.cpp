#include "base/shell_word.h"

#include <algorithm>

#include "base/path.h"

namespace lm {
namespace {

bool is_plain(char c) {
  const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  // Bytes of UTF-8 beyond ASCII mean nothing to a shell.
  return alphanumeric || static_cast<unsigned char>(c) >= 0x80U ||
         std::string_view("_-./,:@%+=").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_word(std::string_view name) {
  std::string word(name.starts_with('-') ? "./" : "");
  word += name;
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string with_path(std::string advice, const std::string& name) {
  return with_word(std::move(advice), name == input_name("-") ? "FILE" : shell_word(without_trailing_slashes(name)));
}

std::string with_word(std::string advice, std::string_view word) {
  constexpr std::string_view kPath = "PATH";
  for (std::size_t at = advice.find(kPath); at != std::string::npos; at = advice.find(kPath, at + word.size()))
    advice.replace(at, kPath.size(), word);
  return advice;
}

}  // namespace lm
