// GgufKeys: what a GGUF file says of its model, by keys that begin with its architecture, noting which were asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/gguf.h"

namespace lm {

class GgufKeys {
 public:
  GgufKeys(const GgufFile& file, std::string_view architecture) : file_(file), prefix_(std::string(architecture) + ".") {}

  // Return the value of a key, named without the architecture, or nothing. Throw Error for one of another type, or that is
  // no finite number, or a whole one beyond 2^62.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  /// Returns a value that there must be. Throws Error if it is missing.
  std::int64_t required_integer(std::string_view key) const;
  double required_number(std::string_view key) const;
  /// Returns what each of `layers` layers has: the key's number, or that of which it has an array. Throws Error if layers differ.
  std::optional<std::int64_t> integer_of_layers(std::string_view key, std::int64_t layers) const;
  /// Returns whether the key has an array, and marks it as asked for.
  std::optional<GgufArray> array(std::string_view key) const;

  /// Throws Error for the first key that nobody asked for and that may change what a model computes: one that is not known
  /// to be harmless, and not 0 or false.
  void check_all_read() const;
  /// Throws Error: "cannot use 'FILE': its 'KEY' WHY".
  [[noreturn]] void refuse(std::string_view key, const std::string& why) const;

  const GgufFile& file() const { return file_; }

 private:
  std::string full(std::string_view key) const;
  const GgufFile& file_;
  std::string prefix_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace lm
