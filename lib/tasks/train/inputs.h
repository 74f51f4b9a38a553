// TrainInputs: all that a run of lm-train reads, opened and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/token_file.h"
#include "data/windows.h"
#include "model/files/checkpoint.h"
#include "tasks/train/request.h"
#include "text/tokenizer.h"
#include "train/ranks/ranks.h"

namespace lm {

struct TrainInputs {
  Tokenizer tokenizer;
  std::optional<LoadedModel> initial;  // the model that training starts from; empty: fresh weights, or a state's
  std::vector<TokenId> ends;           // what ends a text of it, if not only end-of-text
  FolderTexts folder;                  // of the folder from elsewhere that it came from
  std::string model;                   // path of that model or state; empty: fresh weights
  std::int64_t vocab_size = 0;         // of the model: the tokenizer's for fresh weights, others may have more or fewer ids
  std::optional<TokenId> uncounted;    // of the model: uncounted_token()

  // Either the tokens to train on, or with one pass a stream of them, which rank 0 reads.
  std::vector<TokenFile> files;
  std::optional<TokenCorpus> corpus;
  std::unique_ptr<TokenReader> stream;

  std::vector<TokenFile> valid_files;  // empty if the held-out data is a part of `files`
  std::optional<TokenCorpus> valid;    // held-out data; empty: none
  std::int64_t valid_documents = 0;

  Ranks* ranks = nullptr;  // that share the run; null: none

  /// What the user should know of the inputs, a sentence each.
  std::vector<std::string> notes;
};

/// Opens the tokenizer, the model to fine-tune, the corpus and the held-out data. Cheap errors come before data is read,
/// which may take long from a pipe. Throws SettingsError for settings that contradict each other, Error for inputs that
/// cannot be read or do not fit together, and for outputs that could not be written later. Of several ranks, those
/// that is_to_verify() names read files whole to verify them; what one fails at, all fail at. `ranks` outlive the inputs; null:
/// one process.
TrainInputs open_inputs(const TrainRequest& request, Ranks* ranks = nullptr);

/// Throws Error naming `what` if one of `ids`, which the tokenizer has, is beyond the model's vocabulary.
void require_embedded(std::span<const TokenId> ids, const TrainInputs& inputs, const std::string& what);

/// Throws the Error of a run that is resumed with another input than it had.
[[noreturn]] void refuse_other_input(const std::string& state, const std::string& what);

/// Return what identifies the training data and the held-out data: a digest; "stream" for data that has to be read before it
/// is known; "" if nothing is held out.
std::string data_identity(const TrainInputs& inputs);
std::string valid_identity(const TrainInputs& inputs);

/// Returns the note that the token stream `name` holds nothing except end-of-text tokens.
std::string only_end_of_text(const std::string& name);

}  // namespace lm
