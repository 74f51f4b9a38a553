#include "tasks/train/show_examples.h"

#include <string_view>

#include "base/json.h"
#include "base/printable.h"

namespace lm {

namespace {

/// Special tokens are not quoted.
std::string token_text(const Tokenizer& tokenizer, TokenId id) {
  const std::string_view bytes = tokenizer.bytes_of(id);
  return printable(tokenizer.is_special(id) ? std::string(bytes) : json_quote(bytes));
}

}  // namespace

std::vector<std::string> show_examples(const TrainExamples& examples, const Tokenizer& tokenizer, std::int64_t count) {
  std::vector<std::string> lines;
  Batch batch;
  for (std::int64_t example = 1; example <= count; ++example) {
    examples.source().next(batch, 1);
    if (batch.sequences == 0) break;
    std::int64_t targets = 0;
    for (const float weight : batch.weight) targets += weight != 0 ? 1 : 0;
    const std::int64_t prefix = batch.prefix_length.empty() ? 0 : batch.prefix_length.front();
    lines.push_back("# example " + std::to_string(example) + ": " +
                    std::string(examples.shares[static_cast<std::size_t>(batch.objective.front())].entry->name) + ", " +
                    std::to_string(targets) + " targets, visible prefix " + std::to_string(prefix));
    lines.push_back("# input\ttarget\tweight");
    for (std::int64_t i = 0; i < batch.length; ++i) {
      const auto place = static_cast<std::size_t>(i);
      // Places without a target are shown if something still depends on them: inside the visible prefix.
      if (batch.weight[place] == 0 && i >= prefix) continue;
      const std::string target = batch.weight[place] == 0 ? "-" : token_text(tokenizer, batch.target[place]);
      lines.push_back(token_text(tokenizer, batch.input[place]) + "\t" + target + "\t" +
                      JsonValue(static_cast<double>(batch.weight[place])).dump());
    }
  }
  return lines;
}

}  // namespace lm
