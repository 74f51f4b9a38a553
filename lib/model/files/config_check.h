// A configuration that is written is read back first.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "model/config.h"

namespace lm {

/// Throws Error, naming `path`, if `read` would make another configuration of `text` than the one that it is of.
void check_config_text(const std::string& text, const std::string& path, const ModelConfig& config,
                       ModelConfig (*read)(const JsonValue& json, std::string_view source));

}  // namespace lm
