#include "text/unicode/code_points.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "text/unicode/unicode.h"

TEST_CASE("sets of code points are united, intersected and inverted") {
  const lm::CodePointSet letters{{'a', 'f'}, {'e', 'k'}, {'l', 'z'}};
  CHECK(letters.ranges() == std::vector<lm::CodePointRange>{{'a', 'z'}});
  CHECK(letters.intersected({{'0', 'c'}}) == lm::CodePointSet{{'a', 'c'}});
  CHECK(letters.inverted().inverted() == letters);
  CHECK(letters.inverted().contains(lm::kInvalidCharacter));
  CHECK(lm::CodePointSet().inverted().ranges().size() == 1);
}

TEST_CASE("properties agree with the classes of patterns at every code point") {
  const lm::UnicodeClasses& classes = lm::UnicodeClasses::get();
  const struct {
    const char* name;
    std::vector<lm::CharClass> classes;
  } sets[] = {{"L", {lm::CharClass::upper, lm::CharClass::lower, lm::CharClass::letter}},
              {"Lowercase_Letter", {lm::CharClass::lower}},
              {"M", {lm::CharClass::mark}},
              {"number", {lm::CharClass::number}},
              {"Space", {lm::CharClass::space}}};
  for (const auto& set : sets) {
    const lm::CodePointSet property = *lm::find_property(set.name);
    int differing = 0;
    for (std::uint32_t c = 0; c < lm::kCodePointCount; ++c) {
      const bool expected = std::find(set.classes.begin(), set.classes.end(), classes.of(c)) != set.classes.end();
      differing += property.contains(c) != expected ? 1 : 0;
    }
    CAPTURE(set.name);
    CHECK(differing == 0);
  }
  CHECK(lm::find_property("Han")->contains(0x4E2D));
  CHECK(lm::find_property("latin")->contains('a'));
  CHECK(!lm::find_property("Klingon"));
  CHECK(!lm::find_property(""));
}

TEST_CASE("components have older and newer tables than patterns") {
  const lm::CodePointTable& classes = lm::component_classes();
  CHECK(classes.of(0x11DE0) == lm::ComponentClass::number);  // new in Unicode 17
  CHECK(classes.of(0x2E43) == 0);                            // newer than that table of punctuation
  CHECK(classes.of('$') == lm::ComponentClass::punctuation);
  CHECK(classes.of('_') == (lm::ComponentClass::punctuation | lm::ComponentClass::word));
  CHECK(classes.of(0x200D) == lm::ComponentClass::word);
  CHECK(classes.of(lm::kInvalidCharacter) == 0);
  CHECK(lm::component_scripts().of(0x30FC) == lm::component_scripts().of(0x4E2D));
  CHECK(lm::component_scripts().of(' ') == 0);
}
