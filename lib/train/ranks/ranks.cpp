#include "train/ranks/ranks.h"

namespace lm {

std::string text_from_first(Ranks& ranks, std::string text) {
  text.resize(static_cast<std::size_t>(from_first(ranks, static_cast<std::uint64_t>(text.size()))));
  ranks.broadcast(std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace lm
