// What happens to a text before it is cut into tokens: the steps of Hugging Face's normalizers, SentencePiece's and
// llama.cpp's, each with the tables of Unicode that its original has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/normalize/before_cut.h"
#include "text/normalize/replacement.h"

namespace lm {

struct NormalizeStep;

/// Whether the ends of a stretch of text are those of the section (the text between two added tokens) that it is part of.
/// Prepend, Strip and SentencePiece's spaces act only at these.
struct Section {
  bool begins = true;
  bool ends = true;
};

/// What decoding cannot restore: nothing; the choice between canonically equivalent spellings (NFC, NFD); or more than that.
enum class NormalizerLoss { nothing, canonical_spelling, text };

/// Steps that replace a text with another. Invalid UTF-8 is kept as it is, and composes with nothing.
class Normalizer {
 public:
  /// Does nothing.
  Normalizer();
  ~Normalizer();
  Normalizer(const Normalizer&);
  Normalizer(Normalizer&&) noexcept;
  Normalizer& operator=(const Normalizer&);
  Normalizer& operator=(Normalizer&&) noexcept;

  /// Reads the value of "normalizer" in a tokenizer.json; null does nothing. Two types are ours: SentencePiece, with the
  /// fields of a .model file's specification and "user_defined_symbols", and LlamaCppBert, which gives words that are each
  /// followed by a space. Throws Error naming `source` for a type that is not known. `factory` makes what finds the matches of
  /// expressions in Replace.
  static Normalizer from_json(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory = {});

  bool is_identity() const { return steps_.empty(); }
  /// Replaces `out`, which may not be what `text` views. Near-linear time for any text.
  void normalize(std::string_view text, Section section, std::string& out) const;
  /// Returns whether a text may be cut between a character of `before` and a following ' ' or '\n': the normalized parts, the first
  /// with `ends` and the second with `begins` false, then make up the normalized text.
  bool may_cut_before_space(BeforeCut before = BeforeCut::alphanumeric) const;
  NormalizerLoss loss() const;
  /// Returns whether a text may be cut between any two ASCII characters that are not controls, in the same sense.
  bool looks_at_characters() const;
  /// Returns whether it is one step, SentencePiece's.
  bool is_sentencepiece() const;

 private:
  std::vector<NormalizeStep> steps_;
};

}  // namespace lm
