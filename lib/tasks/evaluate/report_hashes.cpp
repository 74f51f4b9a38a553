#include "tasks/evaluate/report_hashes.h"

#include "base/hash.h"

namespace lm {

std::string tokenizer_hash(const Tokenizer& tokenizer) {
  std::string text = to_hex(tokenizer.fingerprint());
  for (const TokenId id : tokenizer.opening()) text += " " + std::to_string(id);
  text += "; " + std::to_string(tokenizer.end_of_text());
  Hasher hasher;
  hasher.update(text.data(), text.size());
  return to_hex(hasher.digest128());
}

}  // namespace lm
