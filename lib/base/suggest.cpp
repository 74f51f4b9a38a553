#include "base/suggest.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace lm {

namespace {

constexpr std::size_t kMostWords = 3;
constexpr std::size_t kShortestBeginning = 2;
constexpr std::size_t kShortestStem = 4;

std::string plain(std::string_view word) {
  std::string text(word);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return text;
}

/// Returns the number of edits between two words, swapped neighbours counting as one (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
    }
  }
  return table[a.size()][b.size()];
}

/// Returns how far two words are apart, as (kind, distance within the kind); a kind of 4 is no likeness.
std::pair<std::size_t, std::size_t> difference(const std::string& word, const std::string& known) {
  constexpr std::size_t kLongest = 64;
  if (word == known) return {0, 0};
  if (word.size() >= kShortestBeginning && known.starts_with(word)) return {1, known.size() - word.size()};
  const std::size_t shorter = std::min(word.size(), known.size());
  const std::size_t allowed = shorter < 3 ? 0 : shorter <= 5 ? 1 : shorter <= 9 ? 2 : 3;
  if (word.size() <= kLongest && known.size() <= kLongest) {
    if (const std::size_t edits = edit_distance(word, known); edits <= allowed) return {2, edits};
  }
  if (known.size() >= kShortestStem && word.starts_with(known)) return {3, word.size() - known.size()};
  return {4, 0};
}

}  // namespace

std::vector<std::string> similar_words(std::string_view word, const std::vector<std::string>& known) {
  using Found = std::pair<std::pair<std::size_t, std::size_t>, std::string>;
  const std::string asked = plain(word);
  std::vector<Found> found;
  for (const std::string& other : known) found.emplace_back(difference(asked, plain(other)), other);
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.first < b.first; });
  std::vector<std::string> words;
  for (const auto& [distance, other] : found) {
    const auto& [kind, within] = found.front().first;
    // Of beginnings all are as likely; of misspellings the nearest.
    const bool as_likely = distance.first == kind && (kind == 1 || distance.second == within);
    if (kind < 4 && as_likely && words.size() < kMostWords) words.push_back(other);
  }
  return words;
}

std::string did_you_mean(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const char* before = i == 0 ? "; did you mean '" : i + 1 == words.size() ? " or '" : ", '";
    text += before + words[i] + "'";
  }
  return text.empty() ? text : text + "?";
}

std::string unknown_word(std::string_view kind, std::string_view word, const std::vector<std::string>& known) {
  std::string list;
  for (const std::string& other : known) list += (list.empty() ? "" : ", ") + other;
  return "unknown " + std::string(kind) + " '" + std::string(word) + "'; known: " + list +
         did_you_mean(similar_words(word, known));
}

}  // namespace lm
