// What the fuzzer of tokenizers begins with, and how it damages that.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lm::fuzz {

using Random = std::mt19937_64;

inline std::size_t below(Random& random, std::size_t limit) { return limit == 0 ? 0 : random() % limit; }
inline bool chance(Random& random, unsigned of) { return random() % of == 0; }
template <class Range>
const auto& pick(Random& random, const Range& range) {
  return range[below(random, std::size(range))];
}

/// A file by which a tokenizer is loaded, and its name, which says what is in it; or one of a folder's, with the others.
struct Seed {
  std::string name;
  std::string bytes;
  std::vector<Seed> others = {};

  bool is_of_folder() const { return !others.empty(); }
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::string& path, std::string_view bytes);

/// Returns small tokenizers of every kind: those of a folder of golden ones, and some that are made in `folder`.
std::vector<Seed> read_seeds(const std::filesystem::path& golden, const std::filesystem::path& folder);

/// Damages a file, also with parts of others.
void damage(Random& random, Seed& seed, const std::vector<Seed>& seeds);

}  // namespace lm::fuzz
