// Choices: an enum whose values a user names by words. One table beside the enum states the words, from which parsing,
// --help, records and the error for an unknown word follow.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/suggest.h"

namespace lm {

template <class E>
struct Choice {
  const char* word;
  E value;
};

template <class E, std::size_t count>
struct ChoiceTable {
  const char* kind;  // what is chosen, in the error for an unknown word: "schedule"
  std::array<Choice<E>, count> choices;
};

/// The table of an enum's words, in the order in which people read them, specialised by the layer that owns the enum:
///   template <> inline constexpr auto kChoices<Fruit> = choice_table<Fruit>("fruit", {{"apple", Fruit::apple}, ...});
template <class E>
inline constexpr auto kChoices = nullptr;

template <class E, std::size_t count>
constexpr ChoiceTable<E, count> choice_table(const char* kind, const Choice<E> (&choices)[count]) {
  return {kind, std::to_array(choices)};
}

/// An enum that has a table.
template <class E>
concept HasChoices = requires {
  kChoices<E>.kind;
};

/// Returns the word of a value.
template <HasChoices E>
const char* to_string(E value) {
  for (const Choice<E>& choice : kChoices<E>.choices) {
    if (choice.value == value) return choice.word;
  }
  throw InternalError(std::string("a value without a word: ") + kChoices<E>.kind);
}

/// Returns all words, in the table's order.
template <HasChoices E>
std::vector<std::string> choice_words() {
  std::vector<std::string> words;
  for (const Choice<E>& choice : kChoices<E>.choices) words.emplace_back(choice.word);
  return words;
}

/// Returns all words with a bar between them, as --help shows them.
template <HasChoices E>
std::string choice_list() {
  std::string list;
  for (const Choice<E>& choice : kChoices<E>.choices) list += (list.empty() ? "" : "|") + std::string(choice.word);
  return list;
}

/// Returns the value of a word, or nothing for an unknown one.
template <HasChoices E>
std::optional<E> find_choice(std::string_view word) {
  for (const Choice<E>& choice : kChoices<E>.choices) {
    if (word == choice.word) return choice.value;
  }
  return std::nullopt;
}

/// Returns the value of a word. Throws Error for an unknown one, with all words and the similar ones.
template <HasChoices E>
E parse_choice(std::string_view word) {
  if (const std::optional<E> value = find_choice<E>(word)) return *value;
  throw Error(unknown_word(kChoices<E>.kind, word, choice_words<E>()));
}

}  // namespace lm
