// Calibration of the likeliest token's probability, as reports show it.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "infer/score.h"
#include "stats/calibration.h"

namespace lm {

/// Returns whether the target is the token that the model finds likeliest.
inline bool is_hit(const TargetScore& score, TokenId target) { return score.likeliest == target; }

/// Returns the expected calibration error over 15 bins of equal count; nothing of no token.
std::optional<double> calibration_error(const Calibration& calibration);

/// Returns the keys bins (a list of count mean_p accuracy) and expected_calibration_error.
JsonValue to_json(const Calibration& calibration);
/// Returns the error, and a table of a bin a line, for people.
std::string to_text(const Calibration& calibration);

}  // namespace lm
