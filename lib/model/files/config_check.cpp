#include "model/files/config_check.h"

#include "base/written.h"

namespace lm {

void check_config_text(const std::string& text, const std::string& path, const ModelConfig& config,
                       ModelConfig (*read)(const JsonValue& json, std::string_view source)) {
  ModelConfig again = read(JsonValue::parse(text, path), path);
  again.dropout = config.dropout;  // which Hugging Face's Llama and Qwen3 do not have
  if (config.positions == Positions::learned) again.rotary.theta = config.rotary.theta;
  if (again != config) refuse_written(path, "has another configuration");
}

}  // namespace lm
