// A training state on disk: weights, moments, averages, position and settings in one safetensors file (lm-checkpoint(5)).
#pragma once

#include <string>
#include <vector>

#include "base/token.h"
#include "model/config.h"
#include "model/files/folder_texts.h"
#include "model/files/safetensors.h"
#include "train/trainer.h"

namespace lm {

/// What a resumed run needs in addition to the arenas.
struct StateRecord {
  ModelConfig config;
  std::string objective;
  std::string settings;             // the run's settings as JSON, opaque here
  std::string tokenizer_json = {};  // the whole tokenizer.json; empty in states of an earlier version
  std::vector<TokenId> ends = {};   // what ends a text, if not only end-of-text
  FolderTexts folder = {};          // of the folder from elsewhere that the model came from
  TrainState state;
};

/// Writes under a temporary name and renames. Throws Error if that fails or if a weight is not finite.
void save_state(const std::string& path, const StateRecord& record, Trainer& trainer);

/// An open state: its record, so that a trainer of its shape can be made, and then the arenas.
class StateFile {
 public:
  /// Throws Error if the file is not a training state.
  static StateFile open(const std::string& path, Checksum checksum = Checksum::verified);
  const StateRecord& record() const { return record_; }
  const std::vector<TensorEntry>& entries() const { return file_.entries(); }
  /// Returns what distinguishes the state from others: SafetensorsFile::checksum().
  std::string checksum() const { return file_.checksum(); }
  /// Fills the trainer's arenas and restores its state, which may take what other ranks have; or only fills them.
  void load_into(Trainer& trainer) const;
  void read_arenas(Trainer& trainer) const;
  /// Returns the weights that the model gets if the run ends now, as Trainer::result().
  Parameters<float> result() const;

 private:
  StateFile(SafetensorsFile file, StateRecord record) : file_(std::move(file)), record_(std::move(record)) {}
  SafetensorsFile file_;
  StateRecord record_;
};

}  // namespace lm
