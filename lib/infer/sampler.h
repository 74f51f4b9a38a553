// Sampler: from the logits of the next token to a choice.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"
#include "base/token.h"
#include "tensor/view.h"

namespace lm {

/// Each filter's default leaves the distribution as it is. They apply in this order, each to what the one before it left,
/// renormalised.
struct SamplingOptions {
  /// Logits of tokens already visible are divided by it if positive, else multiplied (arXiv:1909.05858).
  double repetition_penalty = 1;
  double temperature = 0.8;  // logits are divided by it; 0 takes the likeliest token
  std::int64_t top_k = 0;    // the k likeliest tokens; 0: all
  double typical = 1;        // the tokens whose surprisal is nearest the entropy, up to this mass (arXiv:2202.00666)
  double top_p = 1;          // the likeliest tokens up to this mass, the one that reaches it included (arXiv:1904.09751)
  double min_p = 0;          // tokens at least this fraction as likely as the likeliest (arXiv:2407.01082)
};

/// A token and its probability.
struct Candidate {
  TokenId id;
  double probability;
};

/// Identifies a text's random numbers: draw n belongs to its n-th token, so texts do not depend on each other.
struct SampleSeed {
  std::uint64_t seed = 0;
  std::uint64_t text = 0;  // number of the text among those of the seed
};

/// Chooses the tokens of one text, one after the other.
class Sampler {
 public:
  /// allowed: (V) 0 for ids that are never chosen; must outlive the sampler. Throws Error if an option is out of range.
  Sampler(const SamplingOptions& options, std::span<const std::uint8_t> allowed, SampleSeed seed);

  /// Returns the next token. logits: (V)  visible: the tokens that are penalised. Throws Error if a logit is not finite.
  TokenId choose(TensorView<const float> logits, std::span<const TokenId> visible);
  /// Returns what choose() draws from: the tokens that are left, likeliest first (of equals the smaller id).
  std::vector<Candidate> distribution(TensorView<const float> logits, std::span<const TokenId> visible);

 private:
  void filter(TensorView<const float> logits, std::span<const TokenId> visible);
  void gather(TensorView<const float> logits);
  void penalise(std::span<const TokenId> visible);
  void keep_top_k();
  void keep_typical();
  void keep_top_p();
  void keep_min_p();
  std::size_t likeliest_mass(double mass);
  Candidate likeliest(TensorView<const float> logits) const;
  Candidate likeliest(TensorView<const float> logits, std::span<const TokenId> visible);

  SamplingOptions options_;
  std::span<const std::uint8_t> allowed_;
  Rng rng_;
  std::vector<Candidate> candidates_;  // `probability` holds the logit until softmax
};

/// Returns the model's own distribution: softmax of all logits in double, likeliest first (of equals the smaller id).
/// Throws Error if a logit is not finite.
std::vector<Candidate> model_distribution(TensorView<const float> logits);

}  // namespace lm
