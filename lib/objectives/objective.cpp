#include "objectives/objective.h"

#include <array>

#include "base/error.h"
#include "base/suggest.h"
#include "objectives/causal.h"
#include "objectives/fim.h"
#include "objectives/masked.h"
#include "objectives/prefix.h"
#include "objectives/span.h"

namespace lm {

namespace {

constexpr std::array<ObjectiveEntry, 5> kObjectives = {{
    {.name = "causal", .left_to_right = true, .make = make_causal},
    {.name = "masked", .usual_attend = Attend::document, .left_to_right = false, .make = make_masked},
    {.name = "prefix", .left_to_right = true, .make = make_prefix},
    {.name = "span", .left_to_right = false, .make = make_span},
    {.name = "fim", .left_to_right = true, .make = make_fim},
}};

}  // namespace

std::span<const ObjectiveEntry> objective_table() { return kObjectives; }

const ObjectiveEntry& find_objective(std::string_view name) {
  std::vector<std::string> known;
  for (const ObjectiveEntry& entry : kObjectives) {
    if (name == entry.name) return entry;
    known.emplace_back(entry.name);
  }
  throw Error(unknown_word("objective", name, known));
}

TokenId needed_token(const char* objective, std::string_view name, const std::optional<TokenId>& id,
                     const ObjectiveOptions& options) {
  const std::string subject = std::string("objective '") + objective + "' needs the token " + std::string(name);
  if (!id) throw Error(subject + ", which the tokenizer lacks");
  if (*id < options.vocab_size) return *id;
  throw Error(subject + ", id " + std::to_string(*id) + ", which is beyond the model's vocabulary of " +
              std::to_string(options.vocab_size));
}

std::vector<std::int32_t> document_indices(const WindowTokens& window, std::int64_t length, const ObjectiveOptions& options,
                                           Looks looks) {
  // Queries that only look back never see padding at the end.
  const bool padding_seen = window.first_valid > 0 || (looks == Looks::both_ways && window.end_valid < length);
  if (options.attend == Attend::window && !padding_seen) return {};
  std::vector<std::int32_t> document(static_cast<std::size_t>(length));
  std::int32_t index = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    const auto place = static_cast<std::size_t>(i);
    const bool valid = i >= window.first_valid && i < window.end_valid;
    const bool starts = i == window.first_valid || i == window.end_valid ||
                        (options.attend == Attend::document && valid && window.tokens[place] == options.end_of_text);
    if (starts && i > 0) ++index;
    document[place] = index;
  }
  return document;
}

}  // namespace lm
