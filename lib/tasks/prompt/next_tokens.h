// What a model thinks may be at one place of a text: its likeliest tokens, for people and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/sampler.h"
#include "tasks/text_model.h"

namespace lm {

struct NextTokens {
  std::vector<Candidate> likeliest;
  double entropy = 0;  // bits, of the whole distribution
};

/// Keeps the first `count` tokens of a whole distribution, likeliest first.
NextTokens keep_likeliest(std::vector<Candidate> distribution, std::int64_t count);

/// Returns -log2 p, in bits.
double surprisal(const Candidate& candidate);

/// Returns an object with the keys id, piece, p and surprisal.
JsonValue to_json(const Candidate& candidate, const TextModel& model);

/// `bars` are for terminals: each token's probability as a bar, that of the likeliest 20 columns long.
enum class NextTokensForm { text, bars, json };

/// Returns for people the entropy, then a line for each token, of probability, surprisal, id and the piece, which is quoted
/// as in JSON and has nothing that a terminal obeys. As JSON it is a line for each token, with the keys of to_json and the
/// entropy.
std::string next_tokens_report(const NextTokens& next, const TextModel& model, NextTokensForm form);

}  // namespace lm
