// TrainRequest: what lm-train was asked to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/compute.h"
#include "tasks/train/existing_state.h"
#include "tasks/train/settings.h"
#include "text/tokenizer.h"

namespace lm {

enum class Resume {
  no,
  yes,        // there must be a state
  automatic,  // start fresh if there is none
};

/// What may end a run; the first one reached does. Totals over all resumes.
struct TrainBudget {
  std::optional<std::int64_t> steps = {}, tokens = {}, epochs = {};
  std::optional<double> seconds = {};
  std::optional<std::int64_t> recipe_epochs = {};  // the most that a recipe allows, if it was chosen
  bool empty() const { return !steps && !tokens && !epochs && !seconds; }
  bool only_time() const { return seconds && !steps && !tokens && !epochs; }
};

struct TrainRequest {
  TrainSettings settings;
  SettingSet named;       // settings given by the user
  std::string tokenizer;  // path; empty with init_from: that model's
  TokenizerOptions tokenizer_options;
  std::vector<std::string> tokens;              // paths; "-" is standard input
  std::string valid;                            // token file; empty: none
  std::string output;                           // model; empty with dry runs
  std::string state;                            // path of the training state; empty: none is written
  std::string init_from;                        // model; empty: fresh weights
  std::optional<std::int64_t> vocab_size = {};  // of a resumed run: the model's
  std::optional<TokenId> uncounted = {};        // likewise: uncounted_token()
  std::string fingerprint = {};                 // likewise, of the tokenizer that it must have
  Resume resume = Resume::no;
  UnfinishedState unfinished = UnfinishedState::refuse;  // what to do with one where a fresh run will keep its state
  bool writes_nothing = false;                           // --dry-run or --show-examples
  TrainBudget budget;
  std::optional<std::int64_t> valid_every;  // steps; empty: chosen so that validation takes about a twentieth of the time
  std::int64_t memory = std::int64_t{4} << 30;
  Keep keep_activations = Keep::training;  // or recomputing
  int threads = 1;
  int ranks = 1;  // that share the run, and which of them this process is: the first one writes
  int rank = 0;
  std::optional<SimdTier> simd;  // forced tier; empty: the state's, or the best
  std::string spool_folder;      // for token streams from a pipe
};

}  // namespace lm
