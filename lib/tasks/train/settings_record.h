// The settings of a run as JSON: what models and states record, and what a resumed run takes from there.
#pragma once

#include <string>

#include "base/json.h"
#include "tasks/train/settings.h"

namespace lm {

/// Returns an object with a key for each setting; null for what has not been chosen yet.
JsonValue settings_to_json(const TrainSettings& settings);

/// Returns the settings that a state records, and the defaults of those that its version did not have. Throws Error naming
/// the first of the `named` ones in `asked` that differs, or that is not to be read; `source` is the state's name.
TrainSettings resumed_settings(const JsonValue& recorded, const TrainSettings& asked, const SettingSet& named,
                               const std::string& source);

}  // namespace lm
