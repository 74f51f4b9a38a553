// The options of every program that samples text.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "infer/draft.h"
#include "infer/sampler.h"
#include "kernels/cached_rows.h"
#include "kernels/packed.h"
#include "model/decoding_weights.h"

namespace lm::cmd {

/// The variables that the options set.
struct SamplingVariables {
  std::int64_t& max_tokens;
  SamplingOptions& sampling;
  std::uint64_t& seed;
  std::int64_t& samples;
  std::vector<std::string>& stops;
};

/// What --help says of the options whose meaning is the program's.
struct SamplingHelp {
  std::string samples;  // "continuations of each prompt"
  std::string stop;     // "end the text before this string"
};

/// Adds -n, --temperature, --top-k, --top-p, --min-p, --seed, --samples and --stop.
void add_sampling_options(CLI::App& app, const SamplingVariables& variables, const SamplingHelp& help);

/// How a model is held, beside its options of drafting.
struct HeldTypes {
  WeightType weights = WeightType::f32;
  CacheType cache = CacheType::f32;
  WeightProducts products = WeightProducts::int8;
};

/// Adds --draft, --weights, --products and --cache-type.
void add_decoding_options(CLI::App& app, Drafting& drafting, HeldTypes& types);

/// Declares --products, whose present value is the default.
void add_products(CLI::App& app, WeightProducts& products);
/// Throws Error if --products int8 was given, and the weights (null: none that generate text) are not quantized.
void check_products(const CLI::App& app, WeightProducts products, const DecodingWeights* weights, const std::string& model);

/// Throws UsageError if a string of --stop is empty.
void check_stops(const std::vector<std::string>& stops);

}  // namespace lm::cmd
