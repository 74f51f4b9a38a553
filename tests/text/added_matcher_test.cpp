#include "text/added_matcher.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/json.h"

namespace {

using lm::AddedMatcher;
using lm::AddedToken;
using lm::SpecialTokens;
using Pass = AddedMatcher::Pass;

struct Named {
  std::string name;
  AddedToken flags;
};

/// The matcher of some tokens, whose ids are their places, and what it refers to.
struct Fixture {
  explicit Fixture(const std::vector<Named>& named, const char* normalizer = "null")
      : normal(lm::Normalizer::from_json(lm::JsonValue::parse(normalizer, "a test"), "a test")) {
    for (lm::TokenId id = 0; id < named.size(); ++id) {
      added.push_back(named[id].flags);
      added.back().id = id;
      tokens.push_back(named[id].name);
      special.push_back(named[id].flags.special);
    }
    matcher = AddedMatcher(added, tokens, special, normal);
  }

  /// The matches of a pass: "0[2,5) ...".
  std::string matches(std::string_view text, Pass pass = Pass::raw, SpecialTokens treatment = SpecialTokens::allow) const {
    std::string found;
    AddedMatcher::Cursor cursor;
    for (;;) {
      const AddedMatcher::Match match = matcher.next(pass, text, cursor, treatment, true);
      if (match.kind != AddedMatcher::Match::Kind::found) return found;
      found += (found.empty() ? "" : " ") + std::to_string(match.id) + "[" + std::to_string(match.begin) + "," +
               std::to_string(match.end) + ")";
    }
  }

  lm::Normalizer normal;
  lm::TokenStrings tokens;
  std::vector<AddedToken> added;
  std::vector<bool> special;
  AddedMatcher matcher;
};

constexpr AddedToken kPlain{.id = 0, .special = false};
constexpr AddedToken kSpecial{.id = 0, .special = true};

}  // namespace

TEST_CASE("tokens take the spaces that their flags say, none twice") {
  const Fixture left({{"<m>", {.id = 0, .special = true, .lstrip = true}}});
  CHECK(left.matches("a \t<m> b") == "0[1,6)");
  CHECK(left.matches(" <m>") == "0[0,4)");
  CHECK(left.matches("a\xE3\x80\x80<m>") == "0[1,7)");  // an ideographic space
  const Fixture right({{"<m>", {.id = 0, .special = true, .rstrip = true}}});
  CHECK(right.matches("a <m> \n<m>b") == "0[2,7) 0[7,10)");
  const Fixture both({{"<m>", {.id = 0, .special = true, .lstrip = true, .rstrip = true}}});
  CHECK(both.matches("a <m>  <m> b") == "0[1,7) 0[7,11)");
}

TEST_CASE("a token for whole words is found between what is no part of a word only") {
  const Fixture fixture({{"cat", {.id = 0, .special = false, .single_word = true}}});
  CHECK(fixture.matches("cat") == "0[0,3)");
  CHECK(fixture.matches("a cat.") == "0[2,5)");
  CHECK(fixture.matches("cats").empty());
  CHECK(fixture.matches("_cat").empty());
  CHECK(fixture
            .matches("\xC3\xA9"
                     "cat")
            .empty());
  CHECK(fixture.matches("\xE2\x82\xAC"
                        "cat") == "0[3,6)");  // a sign
}

TEST_CASE("of tokens the leftmost and then the longest counts; special ones are passed over on request and hide others") {
  const Fixture fixture({{"<a>", kSpecial}, {"<a><b>", kSpecial}, {"<b>", kPlain}});
  CHECK(fixture.matches("x<a><b><b>") == "1[1,7) 2[7,10)");
  CHECK(fixture.matches("x<a><b><b>", Pass::raw, SpecialTokens::plain) == "2[7,10)");
}

TEST_CASE("normalized tokens are looked for by themselves, as normalization spells them") {
  const Fixture fixture({{"YES", {.id = 0, .special = false, .normalized = true}}, {"NO", kPlain}},
                        R"({"type":"Lowercase"})");
  CHECK(fixture.matches("yes NO YES") == "1[4,6)");
  CHECK(fixture.matches("yes no yes", Pass::normalized) == "0[0,3) 0[7,10)");
  CHECK(!fixture.matcher.is_simple());
}

TEST_CASE("a text is not cut before a space where a token may reach across") {
  CHECK(!Fixture({{"<m>", kSpecial}}).matcher.spans_cuts());
  CHECK(Fixture({{"a b", kPlain}}).matcher.spans_cuts());
  CHECK(Fixture({{"\xE5\xAD\x97\n", kPlain}}).matcher.spans_cuts());  // a Han character and a newline
  CHECK(!Fixture({{"! b", kPlain}}).matcher.spans_cuts());
  CHECK(Fixture({{"end", {.id = 0, .special = false, .rstrip = true}}}).matcher.spans_cuts());
  CHECK(Fixture({{" b", {.id = 0, .special = false, .single_word = true}}}).matcher.spans_cuts());
}
