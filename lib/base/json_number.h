// A number in JSON that may be missing, or beyond a double.
#pragma once

#include <cmath>
#include <optional>

#include "base/json.h"
#include "base/number_text.h"

namespace lm {

/// Returns null if there is no number, and if it is not finite, as exp(nats / words) soon is, the string "inf" ("-inf",
/// "nan").
inline JsonValue json_number(const std::optional<double>& number) {
  if (!number) return JsonValue();
  return std::isfinite(*number) ? JsonValue(*number) : JsonValue(exact_text(*number));
}

}  // namespace lm
