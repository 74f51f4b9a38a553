#include "base/choice.h"

#include <doctest/doctest.h>

#include <string>

namespace lm {

namespace {
enum class Fruit { apple, pear };
}  // namespace

template <>
inline constexpr auto kChoices<Fruit> = choice_table<Fruit>("fruit", {{"apple", Fruit::apple}, {"pear", Fruit::pear}});

TEST_CASE("words and values of a choice lead to each other") {
  CHECK(parse_choice<Fruit>("pear") == Fruit::pear);
  CHECK(to_string(Fruit::apple) == std::string("apple"));
  CHECK(find_choice<Fruit>("pear") == Fruit::pear);
  CHECK_FALSE(find_choice<Fruit>("Pear"));
  CHECK(choice_words<Fruit>() == std::vector<std::string>{"apple", "pear"});
  CHECK(choice_list<Fruit>() == "apple|pear");
}

TEST_CASE("an unknown word is refused with the known ones and the one that was probably meant") {
  CHECK_THROWS_WITH_AS(parse_choice<Fruit>("pera"), "unknown fruit 'pera'; known: apple, pear; did you mean 'pear'?", Error);
  CHECK_THROWS_AS(parse_choice<Fruit>(""), Error);
}

TEST_CASE("an enum without a table is no choice") {
  enum class Other { one };
  CHECK(HasChoices<Fruit>);
  CHECK_FALSE(HasChoices<Other>);
}

}  // namespace lm
