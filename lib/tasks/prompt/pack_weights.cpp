#include "tasks/prompt/pack_weights.h"

#include <utility>

namespace lm {

std::unique_ptr<const DecodingWeights> pack_weights(Compute& compute, TextModel& model, WeightType type) {
  if (model.model.matrices) {
    auto weights =
        std::make_unique<const DecodingWeights>(compute, std::move(model.model.parameters), *model.model.matrices, type);
    model.model.matrices.reset();
    return weights;
  }
  const bool fills_masks = was_trained_on(model, "masked");
  if (model.model.record.objective == "masked") return nullptr;
  if (fills_masks) return std::make_unique<const DecodingWeights>(compute, model.parameters(), type);
  return std::make_unique<const DecodingWeights>(compute, std::move(model.model.parameters), type);
}

Decoder make_decoder(Compute& compute, const TextModel& model, const DecodingOptions& options) {
  return options.weights != nullptr ? Decoder(compute, *options.weights) : Decoder(compute, model.parameters());
}

}  // namespace lm
