// A model together with its tokenizer, and what may be done with it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "kernels/compute.h"
#include "model/decoding_weights.h"
#include "model/files/checkpoint.h"
#include "text/tokenizer.h"

namespace lm {

struct TextModel {
  LoadedModel model;
  Tokenizer tokenizer;
  std::string end_of_text_given = {};                       // the name that the user gave, if any
  std::shared_ptr<const DecodingWeights> packed = nullptr;  // holds the parameters, if int8 products compute with them

  const ModelConfig& config() const { return model.record.config; }
  const Parameters<float>& parameters() const { return packed ? packed->parameters() : model.parameters; }
  const std::string& path() const { return model.path; }

  /// Returns the bytes of an id; empty for an id that only the model has, whose vocabulary may be padded beyond the
  /// tokenizer's.
  std::string_view bytes_of(TokenId id) const;
  /// Throws Error naming the token if an id is beyond the model's vocabulary, which may be smaller than the tokenizer's.
  void require_embedded(std::span<const TokenId> ids, std::string_view what = "this text") const;
  /// Returns the length of the windows that the model was last trained on, by its lm.progress; without one, its context.
  std::int64_t training_window() const;
  /// Returns the ids that end a text, ascending: end-of-text, and those that the model's files name.
  std::vector<TokenId> ends() const;
  /// Returns the tokens that other programs put before each text of this model.
  std::vector<TokenId> begin_elsewhere() const;
  /// Returns the tokens that follow a text: the tokenizer's closing() if the model only predicts hidden tokens, else none.
  std::vector<TokenId> closing() const;
  /// Returns what the user should know of model and tokenizer, a sentence each.
  std::vector<std::string> notes() const;
  /// Returns (V) 1 for the ids that sampling may choose: those of text, and those that end it.
  std::vector<std::uint8_t> samplable() const;
};

/// Returns the hash of a model's configuration and weights, as 32 hex digits: of what its numbers depend on.
std::string weights_hash(const TextModel& model);

/// Loads a model file, or a folder with its tokenizer beside. Throws Error if either is missing or broken.
TextModel load_text_model(const std::string& path, const TokenizerOptions& options = {},
                          Matrices matrices = Matrices::in_memory);

/// Returns where the matrices of a model are to be while it is opened, for such products.
inline Matrices matrices_for(WeightProducts products) {
  return products == WeightProducts::int8 ? Matrices::in_file : Matrices::in_memory;
}
/// Packs the matrices of a model that were left in its file.
void pack_matrices(Compute& compute, TextModel& model);

/// Loads the same, or a training state: the weights that the model would have if its run ended now.
TextModel load_text_model_or_state(const std::string& path, const TokenizerOptions& options = {},
                                   Matrices matrices = Matrices::in_memory);

/// Returns the tokenizer of a model file, or of a folder. Throws the same errors.
Tokenizer tokenizer_of(const LoadedModel& model, const TokenizerOptions& options);

/// Turns the tokens that a record's ends name into ids, and notes those that the tokenizer or the model lacks.
void resolve_ends(ModelRecord& record, const Tokenizer& tokenizer);
/// Returns the ids that end a text of a record whose ends are resolved, ascending: those, and end-of-text.
std::vector<TokenId> all_ends(const ModelRecord& record, const Tokenizer& tokenizer);

/// Returns the tokens that other programs put before each text of a model: those that its tokenizer states; of a model made here,
/// whose folders and GGUF files say so, what precedes texts here.
std::vector<TokenId> begin_elsewhere(const ModelRecord& record, const Tokenizer& tokenizer);

/// Has a record's ends be what a model file says: all of them, or nothing if that is only end-of-text.
void settle_ends(ModelRecord& record, const Tokenizer& tokenizer);

/// Returns whether `objective` ("masked") is what the model was trained on, or a part of the mixture.
bool was_trained_on(const TextModel& model, std::string_view objective);

/// Throws Error if the model was not trained to predict the next token from those before it.
void require_left_to_right(const TextModel& model);

}  // namespace lm
