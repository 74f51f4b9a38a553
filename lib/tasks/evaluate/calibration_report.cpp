#include "tasks/evaluate/calibration_report.h"

#include "base/json_number.h"
#include "base/number_text.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {

std::optional<double> calibration_error(const Calibration& calibration) {
  if (calibration.count() == 0) return std::nullopt;
  return expected_calibration_error(calibration.bins());
}

JsonValue to_json(const Calibration& calibration) {
  JsonValue::Array bins;
  for (const CalibrationBin& bin : calibration.bins()) {
    JsonValue& json = bins.emplace_back();
    json.set("count", bin.count).set("mean_p", bin.mean_p).set("accuracy", bin.accuracy);
  }
  JsonValue json;
  json.set("bins", std::move(bins));
  return json.set("expected_calibration_error", json_number(calibration_error(calibration)));
}

std::string to_text(const Calibration& calibration) {
  std::string text = score_line("calibration", score_text(calibration_error(calibration), 4) + " expected error");
  text += align_right("tokens", 14) + align_right("mean p", 10) + align_right("accuracy", 10) + "\n";
  for (const CalibrationBin& bin : calibration.bins()) {
    text += align_right(std::to_string(bin.count), 14) + align_right(fixed_text(bin.mean_p, 4), 10) +
            align_right(fixed_text(bin.accuracy, 4), 10) + "\n";
  }
  return text;
}

}  // namespace lm
