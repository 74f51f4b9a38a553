// Precision: what the factors of linear layers' and attention's products are rounded to. Their sums, and all else, are fp32.
#pragma once

#include <string>

#include "base/choice.h"
#include "kernels/compute.h"

namespace lm {

enum class Precision { fp32, bf16, fp16 };
template <>
inline constexpr auto kChoices<Precision> =
    choice_table<Precision>("precision", {{"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"fp16", Precision::fp16}});

/// Empty where this CPU and the tier have the instructions; else what is missing, for a message.
std::string missing_for(Precision precision, SimdTier tier);

/// The precision whose products a short measurement finds the fastest: fp32, unless a 16-bit one wins clearly.
Precision fastest_precision(Compute& compute);

}  // namespace lm
