// What already is where a run that starts anew will keep its state: it must not be lost by a forgotten --resume.
#pragma once

#include <string>

#include "train/trainer.h"

namespace lm {

/// What the state of a run that ended by itself records as "ended"; null for one that was interrupted.
const char* ended_word(StopReason reason);

enum class UnfinishedState {
  refuse,
  replace,  // --overwrite
};

/// Throws Error if a run that starts anew may not replace the file at `path`: it is the state of a run that did not end by
/// its own budget, patience or end of stream and has learned something (which UnfinishedState::replace allows), or no state
/// at all. What is missing, empty or no regular file is allowed.
void check_replaceable_state(const std::string& path, UnfinishedState unfinished);

}  // namespace lm
