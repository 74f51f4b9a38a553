// The rows that quantize() encodes, type by type; part of quantize.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace lm {

/// The bytes of a block, with the 16-bit numbers in it.
class BlockWriter {
 public:
  explicit BlockWriter(unsigned char* bytes) : bytes_(bytes) {}
  /// Appends a float as binary16, and returns what that is read as.
  float half(float value);
  void byte(unsigned value) { *bytes_++ = static_cast<unsigned char>(value); }
  /// Returns whether no number was too large.
  bool is_finite() const { return finite_; }

 private:
  unsigned char* bytes_;
  bool finite_ = true;
};

// Encode a row x of whole blocks; importance is empty, or has a number for each value. Return whether all is finite.
bool quantize_q8_0_row(std::span<const float> x, unsigned char* blocks);
bool quantize_q4_0_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks);
bool quantize_q4_1_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks);
bool quantize_q5_0_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks);
bool quantize_q4_k_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks);
bool quantize_q6_k_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks);

}  // namespace lm
