// The file that is already where a fresh run will keep its state: it must not be lost by a forgotten --resume.
#pragma once

#include <string>

#include "train/trainer.h"

namespace lm {

/// Returns what the state of a run that ended by itself records as "ended"; null for one that was interrupted.
const char* ended_word(StopReason reason);

enum class UnfinishedState {
  refuse,
  replace,  // --overwrite
};

/// Throws Error if a fresh run may not replace the file at `path`: if it is the state of a run that has learned something
/// and did not end by its own budget, patience or end of stream (which UnfinishedState::replace allows), or if it is not a
/// state. A file that is missing, empty or not regular is allowed.
void check_replaceable_state(const std::string& path, UnfinishedState unfinished);

}  // namespace lm
