// A model's weights, packed for generating text.
#pragma once

#include <memory>

#include "kernels/compute.h"
#include "model/decoding_weights.h"
#include "tasks/text_model.h"

namespace lm {

/// Packs the weights of a model in their own memory, so that model.parameters() are gone; of a model that fills masks too, whose
/// parameters are still needed, copies. Returns null if the model only fills masks. Throws Error if a weight is beyond the type's
/// numbers.
std::unique_ptr<const DecodingWeights> pack_weights(Compute& compute, TextModel& model, WeightType type);

}  // namespace lm
