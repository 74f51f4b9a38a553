// What is before a space where a text may be cut before it is normalized.
#pragma once

namespace lm {

/// ASCII letters and digits, or all of ASCII but spaces and controls.
enum class BeforeCut { alphanumeric, visible };
inline bool is_before_cut(BeforeCut before, char c) {
  if (before == BeforeCut::visible) return c > ' ' && c < 0x7F;
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace lm
