// What ranks do at the same time, each with files of its own: what one of them fails at, all of them fail at, with its reason.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "train/ranks/ranks.h"

namespace lm {

/// Returns the text that rank `from` has, on all of them.
std::string text_from(Ranks& ranks, int from, std::string text);

/// Returns if no rank has failed (`own` is null on all). Otherwise throws on all: what the lowest of those that failed has thrown
/// there, and an Error of its kind elsewhere, which begins "rank N: " unless that is rank 0.
void fail_together(Ranks& ranks, const std::exception_ptr& own);

/// Calls part() on all ranks and returns its result; an Error that it throws on any of them is thrown on all, as above. If it
/// needs other ranks, it must first agree with them that none has failed.
template <class Part>
std::invoke_result_t<Part&> together(Ranks& ranks, Part&& part) {
  using Result = std::invoke_result_t<Part&>;
  std::exception_ptr failure;
  if constexpr (std::is_void_v<Result>) {
    try {
      part();
    } catch (const Error&) {
      failure = std::current_exception();
    }
    fail_together(ranks, failure);
  } else {
    std::optional<Result> result;
    try {
      result.emplace(part());
    } catch (const Error&) {
      failure = std::current_exception();
    }
    fail_together(ranks, failure);
    return std::move(*result);
  }
}

}  // namespace lm
