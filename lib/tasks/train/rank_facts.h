// RankFacts: what must be the same on all ranks of a run, by name, and how a difference is reported.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "train/ranks/ranks.h"

namespace lm {

/// What must be the same on all ranks: how messages name it, and its value. A name occurs once, and what only some ranks have is
/// a difference too.
using RankFacts = std::vector<std::pair<std::string, std::string>>;

/// Appends a fact for each member of a JSON object: "<what> 'member'".
void add_members(RankFacts& facts, const std::string& what, const JsonValue& object);

/// Return the hash of a text, or of numbers, as a fact has it.
std::string hash_of_text(std::string_view text);
std::string hash_of_numbers(std::span<const float> numbers);

/// Throws Error on every rank if a fact differs, naming the first rank and fact of which it does, with both values.
void require_same_facts(Ranks& ranks, const RankFacts& facts);

}  // namespace lm
