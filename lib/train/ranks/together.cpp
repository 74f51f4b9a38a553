#include "train/ranks/together.h"

#include <algorithm>
#include <cstring>

namespace lm {

namespace {

enum class Outcome : char { done, error, settings_error };

struct Reason {
  Outcome outcome = Outcome::done;
  std::string message;
};

Reason reason_of(const std::exception_ptr& failure) {
  if (!failure) return {};
  try {
    std::rethrow_exception(failure);
  } catch (const SettingsError& error) {
    return {Outcome::settings_error, error.what()};
  } catch (const std::exception& error) {
    return {Outcome::error, error.what()};
  }
}

}  // namespace

std::vector<std::string> texts_of_all(Ranks& ranks, std::string_view text) {
  const std::vector<std::uint64_t> sizes = from_all(ranks, static_cast<std::uint64_t>(text.size()));
  const std::size_t longest = *std::max_element(sizes.begin(), sizes.end());
  std::vector<char> all(sizes.size() * longest);  // (ranks, longest)
  if (longest > 0) {
    std::copy(text.begin(), text.end(), all.begin() + static_cast<std::ptrdiff_t>(longest) * ranks.rank());
    ranks.all_gather(std::as_writable_bytes(std::span(all)));
  }
  std::vector<std::string> texts;
  for (std::size_t rank = 0; rank < sizes.size(); ++rank) texts.emplace_back(all.data() + rank * longest, sizes[rank]);
  return texts;
}

void fail_together(Ranks& ranks, const std::exception_ptr& own) {
  const Reason reason = reason_of(own);
  const std::vector<Outcome> outcomes = from_all(ranks, reason.outcome);
  const auto failed = [](Outcome outcome) { return outcome != Outcome::done; };
  const auto lowest = std::find_if(outcomes.begin(), outcomes.end(), failed);
  if (lowest == outcomes.end()) return;
  const int first = static_cast<int>(lowest - outcomes.begin());
  const auto others = std::count_if(lowest + 1, outcomes.end(), failed);
  const std::vector<std::string> messages = texts_of_all(ranks, first == ranks.rank() ? reason.message : "");
  if (first == ranks.rank()) std::rethrow_exception(own);
  std::string message = messages[static_cast<std::size_t>(first)];
  if (first > 0) {
    message = "rank " + std::to_string(first) + ": " + message;
    if (others > 0)
      message += " (" + std::to_string(others) + (others == 1 ? " other rank fails too)" : " other ranks fail too)");
  }
  if (*lowest == Outcome::settings_error) throw SettingsError(message);
  throw Error(message);
}

}  // namespace lm
