// How a model is held while text is generated: its weights packed, and the type of its caches.
#pragma once

#include <memory>

#include "kernels/cached_rows.h"
#include "kernels/compute.h"
#include "model/decode.h"
#include "model/decoding_weights.h"
#include "tasks/text_model.h"

namespace lm {

struct DecodingOptions {
  const DecodingWeights* weights = nullptr;  // outlive who is given them; null: who needs them packs copies for itself
  CacheType cache_type = CacheType::f32;
};

/// Packs the weights of a model in their own memory, so that model.parameters() are gone; of a model that fills masks too, whose
/// parameters are still needed, copies. Returns null if the model only fills masks. Throws Error if a weight is beyond the type's
/// numbers.
std::unique_ptr<const DecodingWeights> pack_weights(Compute& compute, TextModel& model, WeightType type);

/// Returns a decoder of these weights, or else of the model's.
Decoder make_decoder(Compute& compute, const TextModel& model, const DecodingOptions& options);

}  // namespace lm
