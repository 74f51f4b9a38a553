// Span corruption: spans become sentinels, and the model spells out what they hid (T5, arXiv:1910.10683).
#pragma once

#include "objectives/objective.h"

namespace lm {

/// How L raw tokens are corrupted.
struct SpanPlan {
  std::int64_t noise = 0;  // tokens hidden: round(density L), in [1, L - 1]
  std::int64_t spans = 0;  // max(1, round(noise / mean length))
};
/// Returns the plan for `length` tokens; the formulas are beside SpanPlan's fields.
SpanPlan plan_spans(std::int64_t length, double density, double mean_length);

/// Windows of the longest L whose corrupted form fits: L + 2 spans + 2 <= T + 1. The sequence is the corrupted input (each
/// span a sentinel, in order) and end-of-text, seen from both sides, then sentinel, span, sentinel, span, ..., end-of-text,
/// predicted. Lengths of spans and of what lies between are uniform random compositions; it starts with text and ends with a
/// span. A window that holds a sentinel already, or fewer than two tokens, is left as it is (next-token prediction), and
/// counted. Throws Error if there are more spans than sentinels.
std::unique_ptr<Objective> make_span(const ObjectiveOptions& options);

}  // namespace lm
