// An output that keeps what is written to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file.h"

namespace lm::test {

class StringOutput : public OutputStream {
 public:
  void write(const void* bytes, std::size_t size) override { text.append(static_cast<const char*>(bytes), size); }
  using OutputStream::write;
  void flush() override {}
  void close() override {}
  bool can_patch() const override { return false; }
  void patch(std::uint64_t, const void*, std::size_t) override {}
  const std::string& name() const override { return text; }
  std::string text;
};

}  // namespace lm::test
