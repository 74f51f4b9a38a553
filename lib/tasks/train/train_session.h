// TrainSession: a whole run of lm-train: tokenizer, data, model, trainer, state and result, put together and resumed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/windows.h"
#include "kernels/compute.h"
#include "model/checkpoint.h"
#include "objectives/mixture.h"
#include "tasks/train/existing_state.h"
#include "tasks/train/settings.h"
#include "text/tokenizer.h"
#include "train/trainer.h"
#include "train/validator.h"
#include "train/window_source.h"

namespace lm {

enum class Resume {
  no,
  yes,        // there must be a state
  automatic,  // start fresh where there is none
};

/// What may end a run; the first one reached does. Totals over all resumes.
struct TrainBudget {
  std::optional<std::int64_t> steps, tokens, epochs;
  std::optional<double> seconds;
  bool empty() const { return !steps && !tokens && !epochs && !seconds; }
  bool only_time() const { return seconds && !steps && !tokens && !epochs; }
};

struct TrainRequest {
  TrainSettings settings;
  std::set<std::string> named;  // settings given by the user, as visit_settings() names them
  std::string tokenizer;        // path; empty with init_from: that model's
  TokenizerOptions tokenizer_options;
  std::vector<std::string> tokens;  // paths; "-" is standard input
  std::string valid;                // token file; empty: none
  std::string output;               // model; empty with dry runs
  std::string state;                // path of the training state; empty: none is written
  std::string init_from;            // model; empty: fresh weights
  Resume resume = Resume::no;
  UnfinishedState unfinished = UnfinishedState::refuse;  // where a run that does not resume will keep its state
  bool only_looks = false;                               // nothing will be written
  TrainBudget budget;
  std::optional<std::int64_t> valid_every;  // steps; empty: chosen so that validation takes about a twentieth of the time
  std::int64_t memory = std::int64_t{4} << 30;
  Keep keep_activations = Keep::training;  // or recomputing
  int threads = 1;
  std::optional<SimdTier> simd;  // forced tier; empty: the state's, or the best
  std::string spool_folder;      // for token streams from a pipe
};

/// Bytes that a run will have in memory at its peak.
struct TrainMemory {
  Trainer::Memory trainer;
  std::int64_t held_out = 0;  // tokens to validate on
  std::int64_t files = 0;     // mapped files, whose pages the system may take back: the program's own
  std::int64_t program = 0;   // all else: tokenizer, tables, libraries
  std::int64_t total() const { return trainer.total() + held_out + files + program; }
};

/// For --dry-run and for estimates.
struct TrainFacts {
  std::int64_t parameters = 0;
  double flops_per_step = 0;
  double flops_per_position = 0;                 // training FLOPs for each token of a sequence
  std::optional<std::int64_t> tokens_per_epoch;  // empty with one pass
  std::optional<std::int64_t> windows_per_epoch;
  std::optional<std::int64_t> total_steps;  // where the budget tells
  std::int64_t step_positions = 0;          // batch * context
  double visible_prefix_share = 0;          // of the objectives; 0 where all look back alone
};

class TrainSession {
 public:
  /// Loads and checks everything, and chooses what was left open. No weights are allocated yet. Throws Error.
  explicit TrainSession(TrainRequest request);
  ~TrainSession();

  const TrainSettings& settings() const { return settings_; }
  const ModelConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  Compute& compute() { return *compute_; }
  TrainFacts facts() const;
  /// Before prepare(): what there is already, and what prepare() and run() will add as each part states it.
  TrainMemory memory() const;
  /// What the user should know but need not act on.
  const std::vector<std::string>& notes() const { return notes_; }

  /// The next `count` training examples as text: a line each for decoded input, target and weight.
  std::vector<std::string> show_examples(std::int64_t count);

  /// Allocates the trainer; fresh weights, those of init_from, or the state's.
  void prepare();
  const TrainState& state() const { return trainer_->state(); }
  /// Runs until a budget ends it. If reading the data fails, saves the state of the last whole step and throws Error.
  StopReason run(TrainObserver& observer);
  /// The same of what only the run could show.
  std::vector<std::string> notes_at_end() const;
  bool has_state() const { return !request_.state.empty(); }
  void save_state();
  void save_model();
  /// Whether the model is a file or folder, which can be written as often as one likes; false for a pipe or device.
  bool replaces_model() const;
  /// Saves what a run leaves that ended: its model, and its state, which says why it ended.
  void save_results(StopReason reason);

 private:
  void load_tokenizer_and_model();
  void open_state();
  void resume_end_of_text();
  void choose_precision();
  void check_budget() const;
  ObjectiveOptions full_objective_options() const;
  std::vector<ExampleSource> make_sources(const TokenCorpus& corpus, std::uint64_t seed, WindowOrder order) const;
  BatchSource& source();
  void make_validator();
  void open_data();
  void open_validation();
  bool wants_recipe() const;
  void limit_epochs(std::optional<std::int64_t> most);
  bool same_time() const;
  bool fits(const struct Recipe& recipe) const;
  void open_corpus();
  TokenFile open_tokens(const std::string& path);
  double visible_prefix_share() const;
  std::optional<std::int64_t> steps_of_budget() const;
  std::int64_t held_out_documents() const;
  std::int64_t held_out_bytes(std::int64_t sequences, std::int64_t context_length) const;
  std::string settings_record() const;
  void check_data_identity() const;
  TrainerOptions options() const;
  std::string progress_record() const;
  void keep_state();
  void keep_learned();

  TrainRequest request_;
  TrainSettings settings_;
  std::string init_from_;                      // as the run began
  std::optional<std::int64_t> recipe_epochs_;  // the most that a recipe allows
  std::vector<std::string> notes_;
  std::unique_ptr<Compute> compute_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<LoadedModel> initial_;
  std::unique_ptr<class StateFile> state_file_;
  JsonValue state_settings_;
  ModelConfig config_;
  std::vector<ObjectiveShare> shares_;
  std::unique_ptr<Objective> stream_objective_;  // with one pass
  std::vector<TokenFile> files_;
  std::optional<TokenCorpus> corpus_;
  std::unique_ptr<TokenReader> reader_;
  std::unique_ptr<WindowSource> window_source_;
  std::unique_ptr<StreamSource> stream_source_;
  std::string data_identity_, valid_identity_;
  std::vector<TokenFile> valid_files_;
  std::optional<TokenCorpus> valid_corpus_;
  std::vector<TokenId> valid_tokens_;
  std::unique_ptr<Validator> validator_;
  std::unique_ptr<Trainer> trainer_;
  const char* ended_ = nullptr;  // as ended_word() has it, once the run has ended and its model is there
};

}  // namespace lm
