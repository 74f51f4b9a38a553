// Objective: how a window of tokens becomes a training example. The model knows none of them.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/token.h"
#include "base/token_codec.h"
#include "base/token_table.h"
#include "base/window_piece.h"

namespace lm {

/// One sequence of a batch.
struct Example {
  std::vector<TokenId> input, target;  // (T)
  std::vector<float> weight;           // (T) 0 if the target does not count
  std::int64_t prefix_length = 0;      // keys before it are visible to every query
  std::vector<std::int32_t> document;  // (T) index in the window, padding its own; empty: one document, no padding before
  std::int64_t untransformed = 0;      // stretches left as they were because they held the objective's own tokens
  std::int64_t token_cuts = 0;         // pieces cut between tokens because encoding them again took too much room
};

/// How an objective wants its data cut.
enum class WindowKind {
  strided,  // window_length() tokens, window_stride() apart, wherever they fall
  pieces,   // whole pieces of documents
};

/// Tokens cut from the stream; places outside of it are padding.
struct WindowTokens {
  std::span<const TokenId> tokens;  // (W)
  std::int64_t first_valid = 0;     // [first_valid, end_valid) are tokens of the stream
  std::int64_t end_valid = 0;
  std::span<const WindowPiece> pieces = {};  // only WindowKind::pieces: where they lie among the tokens
};

/// Whether documents that share a window see each other.
enum class Attend { window, document };
template <>
inline constexpr auto kChoices<Attend> = choice_table<Attend>("attention",
                                                              {{"window", Attend::window}, {"document", Attend::document}});

/// Between what fill-in-the-middle cuts.
enum class FimCut { character, token, line };
template <>
inline constexpr auto kChoices<FimCut> =
    choice_table<FimCut>("cut", {{"char", FimCut::character}, {"token", FimCut::token}, {"line", FimCut::line}});

/// The special tokens that objectives put into sequences; empty if the tokenizer lacks them.
struct SpecialIds {
  std::optional<TokenId> mask, fim_prefix, fim_suffix, fim_middle;
  std::vector<TokenId> sentinels;  // in their order
};

struct ObjectiveOptions {
  std::int64_t context_length = 0;  // T
  TokenId end_of_text = 0;
  std::vector<TokenId> begin_tokens = {};  // with which each document starts, in streams that have them
  Attend attend = Attend::window;
  bool mixed = false;                 // shares a model with a next-token objective
  const TokenTable* table = nullptr;  // which ids are special
  const TokenCodec* codec = nullptr;  // to cut inside tokens
  SpecialIds special = {};
  /// Of the model, which may have fewer ids than the table: those from there on are put nowhere.
  std::int64_t vocab_size = std::numeric_limits<std::int64_t>::max();
  double mask_rate = 0.15;
  double span_density = 0.15;
  double span_length = 3.0;
  double fim_rate = 0.5;
  double spm_rate = 0.5;
  FimCut fim_cut = FimCut::character;
};

class Objective {
 public:
  virtual ~Objective() = default;
  /// Returns the name by which options and model files know it.
  virtual std::string name() const = 0;
  virtual WindowKind window_kind() const { return WindowKind::strided; }
  /// Returns how many places it may add to each piece; only of WindowKind::pieces.
  virtual std::int64_t piece_overhead() const { return 0; }
  /// Return the tokens of the stream in one window, and how far the next window's start is from this one's.
  virtual std::int64_t window_length() const = 0;
  virtual std::int64_t window_stride() const = 0;
  /// Makes the example of a window. Draws come only from `rng`, so that one window and one epoch always give the same
  /// example.
  virtual Example make(const WindowTokens& window, Rng& rng) const = 0;
  /// Returns the fraction of a sequence that every query sees, for counting FLOPs: 0 causal, 1 fully bidirectional.
  virtual double visible_prefix_share() const = 0;
};

/// One row of the table of objectives.
struct ObjectiveEntry {
  const char* name;
  /// What --attend is by default, if it is the only objective.
  Attend usual_attend = Attend::window;
  /// Whether the model predicts the next token from those before it, so that sampling left to right makes sense.
  bool left_to_right;
  std::unique_ptr<Objective> (*make)(const ObjectiveOptions& options);
};

/// Returns every objective that there is.
std::span<const ObjectiveEntry> objective_table();
/// Returns the row of a name. Throws Error naming the known ones.
const ObjectiveEntry& find_objective(std::string_view name);

/// Returns a special token that an objective puts into sequences. Throws Error if the tokenizer or the model lacks it.
TokenId needed_token(const char* objective, std::string_view name, const std::optional<TokenId>& id,
                     const ObjectiveOptions& options);

/// Whether the queries of an objective see only what is before them.
enum class Looks { back, both_ways };

/// Returns the document index of each place of [0, length) of a window: an end-of-text belongs to the document that it
/// opens, padding is a document of its own. Attend::window gives one document. Empty if all is one document.
std::vector<std::int32_t> document_indices(const WindowTokens& window, std::int64_t length, const ObjectiveOptions& options,
                                           Looks looks = Looks::back);

}  // namespace lm
