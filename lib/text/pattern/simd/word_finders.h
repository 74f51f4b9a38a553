// The functions that each SIMD tier has for word_cuts.h.
#pragma once

#include "text/pattern/word_cuts.h"

namespace lm {

struct WordFinders {
  FindWords before_blank, around_punctuation;
};

}  // namespace lm
