// Precision: what the factors of products in linear layers and attention are rounded to. Sums, and all else, are fp32.
#pragma once

#include <string>

#include "base/choice.h"
#include "kernels/compute.h"

namespace lm {

enum class Precision { fp32, bf16, fp16 };
template <>
inline constexpr auto kChoices<Precision> =
    choice_table<Precision>("precision", {{"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"fp16", Precision::fp16}});

/// Returns what the CPU or the tier lacks for the precision, for a message; empty if nothing.
std::string missing_for(Precision precision, SimdTier tier);

/// Returns the precision whose products are the fastest in a short measurement: fp32, unless a 16-bit one wins clearly.
Precision fastest_precision(Compute& compute);

}  // namespace lm
