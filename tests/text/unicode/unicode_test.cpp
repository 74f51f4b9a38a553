#include "text/unicode/unicode.h"

#include <doctest/doctest.h>

#include <cstdint>

TEST_CASE("classes are those of Unicode 16.0") {
  using lm::CharClass;
  const lm::UnicodeClasses& classes = lm::UnicodeClasses::get();
  CHECK(classes.of('A') == CharClass::upper);
  CHECK(classes.of('z') == CharClass::lower);
  CHECK(classes.of('7') == CharClass::number);
  CHECK(classes.of('\n') == CharClass::space);
  CHECK(classes.of(0x01C5) == CharClass::upper);   // a title-case letter
  CHECK(classes.of(0x4E2D) == CharClass::letter);  // Han: neither case
  CHECK(classes.of(0x0301) == CharClass::mark);
  CHECK(classes.of(0x0660) == CharClass::number);
  CHECK(classes.of(0x1C89) == CharClass::upper);  // new in 16.0
  for (const std::uint32_t space : {0x85u, 0xA0u, 0x1680u, 0x2000u, 0x200Au, 0x2028u, 0x2029u, 0x202Fu, 0x205Fu, 0x3000u}) {
    CHECK(classes.of(space) == CharClass::space);
  }
  for (const std::uint32_t other : {0x200Bu, 0x180Eu, 0xFEFFu, 0x1Cu, 0x1Fu, 0x1F642u, 0xFFFFFFFFu}) {
    CHECK(classes.of(other) == CharClass::other);
  }
}
