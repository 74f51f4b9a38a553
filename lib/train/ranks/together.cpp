#include "train/ranks/together.h"

#include <algorithm>
#include <span>
#include <vector>

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

std::string text_from(Ranks& ranks, int from, std::string text) {
  const std::vector<std::uint64_t> sizes = from_all(ranks, static_cast<std::uint64_t>(text.size()));
  text.resize(sizes[static_cast<std::size_t>(from)]);
  // Only rank 0 can give something to all.
  if (from > 0 && ranks.rank() == from) ranks.exchange(0, std::as_bytes(std::span(text)), {});
  if (from > 0 && ranks.rank() == 0) ranks.exchange(from, {}, std::as_writable_bytes(std::span(text)));
  if (!text.empty()) ranks.broadcast(std::as_writable_bytes(std::span(text)));
  return text;
}

void fail_together(Ranks& ranks, const std::exception_ptr& own) {
  const Reason reason = reason_of(own);
  const std::vector<Outcome> outcomes = from_all(ranks, reason.outcome);
  const auto failed = [](Outcome outcome) { return outcome != Outcome::done; };
  const auto lowest = std::find_if(outcomes.begin(), outcomes.end(), failed);
  if (lowest == outcomes.end()) return;
  const int first = static_cast<int>(lowest - outcomes.begin());
  const auto others = std::count_if(lowest + 1, outcomes.end(), failed);
  std::string message = text_from(ranks, first, reason.message);
  if (first == ranks.rank()) std::rethrow_exception(own);
  if (first > 0) {
    message = "rank " + std::to_string(first) + ": " + message;
    if (others > 0)
      message += " (" + std::to_string(others) + (others == 1 ? " other rank fails too)" : " other ranks fail too)");
  }
  if (*lowest == Outcome::settings_error) throw SettingsError(message);
  throw Error(message);
}

}  // namespace lm
