#include "tasks/train/rank_facts.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "train/ranks/together.h"

namespace lm {

namespace {

constexpr std::size_t kShown = 60;   // characters of a value that a message shows
constexpr std::size_t kBefore = 20;  // of them before the first that differs, if its beginning is left out

/// Names and values, with zeros between, which neither has.
std::string written(const RankFacts& facts) {
  std::string text;
  for (const auto& [name, value] : facts) text += name + '\0' + value + '\0';
  return text;
}

RankFacts read(std::string_view text) {
  const auto next = [&] {
    const std::size_t end = text.find('\0');
    std::string part(text.substr(0, end));
    text.remove_prefix(end + 1);
    return part;
  };
  RankFacts facts;
  while (!text.empty()) {
    std::string name = next();
    facts.emplace_back(std::move(name), next());
  }
  return facts;
}

const std::string* find(const RankFacts& facts, const std::string& name) {
  const auto found = std::find_if(facts.begin(), facts.end(), [&](const auto& fact) { return fact.first == name; });
  return found == facts.end() ? nullptr : &found->second;
}

/// Returns how a message shows a value of which the first `same` characters are those of the other one.
std::string shown(const std::string* value, std::size_t same) {
  if (value == nullptr) return "none";
  if (value->size() <= kShown) return "'" + *value + "'";
  const std::size_t first = same <= kShown / 2 ? 0 : same - kBefore;
  const std::string part = value->substr(first, kShown);
  return std::string("'") + (first > 0 ? "..." : "") + part + (first + part.size() < value->size() ? "..." : "") + "'";
}

[[noreturn]] void refuse(int rank, const std::string& name, const std::string* own, const std::string* first) {
  std::size_t same = 0;
  if (own != nullptr && first != nullptr) {
    same =
        static_cast<std::size_t>(std::mismatch(own->begin(), own->end(), first->begin(), first->end()).first - own->begin());
  }
  throw Error("rank " + std::to_string(rank) + " has " + name + " that differs from rank 0's (" + shown(own, same) +
              " and " + shown(first, same) + "); all ranks must make the same run");
}

[[noreturn]] void refuse_first_difference(int rank, const RankFacts& own, const RankFacts& first) {
  for (const auto& [name, value] : first) {
    const std::string* const other = find(own, name);
    if (other == nullptr || *other != value) refuse(rank, name, other, &value);
  }
  for (const auto& [name, value] : own) {
    if (find(first, name) == nullptr) refuse(rank, name, &value, nullptr);
  }
  throw Error("rank " + std::to_string(rank) + " makes another run than rank 0; all ranks must make the same run");
}

Fingerprint hash_of(std::string_view text) {
  Hasher hasher;
  hasher.update(text.data(), text.size());
  return hasher.digest128();
}

}  // namespace

void add_members(RankFacts& facts, const std::string& what, const JsonValue& object) {
  for (const auto& [name, value] : *object.if_object())
    facts.emplace_back(what + " '" + name + "'", value.if_string() != nullptr ? *value.if_string() : value.dump());
}

std::string hash_of_text(std::string_view text) { return to_hex(hash_of(text)); }

std::string hash_of_numbers(std::span<const float> numbers) {
  Hasher hasher;
  hasher.update(numbers.data(), numbers.size_bytes());
  return to_hex(hasher.digest128());
}

void require_same_facts(Ranks& ranks, const RankFacts& facts) {
  if (ranks.size() == 1) return;
  const std::string own = written(facts);
  const std::vector<Fingerprint> hashes = from_all(ranks, hash_of(own));
  const auto other =
      std::find_if(hashes.begin(), hashes.end(), [&](const Fingerprint& one) { return one != hashes.front(); });
  if (other == hashes.end()) return;
  const int rank = static_cast<int>(other - hashes.begin());
  const RankFacts first = read(text_from(ranks, 0, own));
  refuse_first_difference(rank, read(text_from(ranks, rank, own)), first);
}

}  // namespace lm
