#include "tasks/train/existing_state.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "train/state_file.h"

namespace lm {

namespace {

constexpr std::array<std::pair<StopReason, const char*>, 3> kEnds = {
    {{StopReason::budget, "budget"}, {StopReason::patience, "patience"}, {StopReason::end_of_data, "stream"}}};

/// A state of an earlier version does not record it, and counts as unfinished.
bool has_ended(const StateRecord& record, const std::string& path) {
  const JsonValue settings = JsonValue::parse(record.settings, path);
  if (settings.find("ended") == nullptr) return false;
  const std::string& word = settings.string_at("ended", path);
  return std::any_of(kEnds.begin(), kEnds.end(), [&](const auto& end) { return word == end.second; });
}

StateRecord read_record(const std::string& path) {
  try {
    return StateFile::open(path).record();
  } catch (const SystemError&) {
    throw;
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + "; the run would replace this file with its own state: move it away, or name " +
                "another with --checkpoint");
  }
}

}  // namespace

const char* ended_word(StopReason reason) {
  const auto end = std::find_if(kEnds.begin(), kEnds.end(), [&](const auto& known) { return known.first == reason; });
  return end == kEnds.end() ? nullptr : end->second;
}

void check_replaceable_state(const std::string& path, UnfinishedState unfinished) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return;
  const StateRecord record = read_record(path);
  if (unfinished == UnfinishedState::replace || record.state.tokens == 0 || has_ended(record, path)) return;
  throw Error("cannot start a fresh run: '" + path + "' is the state of an unfinished run, at step " +
              std::to_string(record.state.step) + "; continue it with --resume, or replace it with --overwrite");
}

}  // namespace lm
