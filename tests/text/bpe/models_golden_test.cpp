// Against what Hugging Face's library makes of small models (tests/golden/make_models_golden.py).
#include <doctest/doctest.h>

#include "base/json.h"
#include "support/test_data.h"
#include "text/bpe/character_bpe.h"
#include "text/unigram/unigram.h"
#include "text/wordpiece/wordpiece.h"

namespace {

using lm::JsonValue;

const JsonValue& models_golden() {
  static const JsonValue value =
      JsonValue::parse(lm::test::read_file(lm::test::golden_path("models_golden.json")), "models_golden.json");
  return value;
}

bool models_flag(const JsonValue& entry, const char* key) {
  const JsonValue* value = entry.find(key);
  return value != nullptr && value->if_bool() != nullptr && *value->if_bool();
}

std::string models_text(const JsonValue& entry, const char* key) {
  const JsonValue* value = entry.find(key);
  return value != nullptr && value->if_string() != nullptr ? *value->if_string() : "";
}

/// A model of any kind, and what it is made from.
struct GoldenModel {
  lm::TokenStrings tokens;
  std::vector<lm::MergePair> merges;
  std::vector<double> scores;
  std::optional<lm::TokenId> unk;
};

GoldenModel read_golden_model(const JsonValue& entry, const JsonValue* tokens, const JsonValue* merges) {
  GoldenModel model;
  for (const JsonValue& token : *tokens->if_array()) model.tokens.push_back(*token.if_string());
  if (const JsonValue* unk = entry.find("unk")) model.unk = static_cast<lm::TokenId>(*unk->if_integer());
  if (merges != nullptr) {
    const JsonValue::Array& ids = *merges->if_array();
    for (std::size_t i = 0; i + 1 < ids.size(); i += 2)
      model.merges.push_back(
          {static_cast<lm::TokenId>(*ids[i].if_integer()), static_cast<lm::TokenId>(*ids[i + 1].if_integer())});
  }
  if (const JsonValue* scores = entry.find("scores")) {
    for (const JsonValue& score : *scores->if_array()) REQUIRE(score.to_double(model.scores.emplace_back()));
  }
  return model;
}

template <class Encode>
void check_ids(const JsonValue& entry, const JsonValue& texts, Encode encode) {
  const JsonValue::Array& expected = *entry.find("ids")->if_array();
  REQUIRE(expected.size() == texts.if_array()->size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    std::vector<lm::TokenId> ids, wanted;
    for (const JsonValue& id : *expected[i].if_array()) wanted.push_back(static_cast<lm::TokenId>(*id.if_integer()));
    encode(*(*texts.if_array())[i].if_string(), ids);
    CHECK(ids == wanted);
  }
}

void check_case(const JsonValue& entry, const GoldenModel& model, const JsonValue& texts) {
  const std::string kind = models_text(entry, "kind");
  if (kind == "bpe") {
    const lm::CharacterBpe bpe(model.tokens, model.merges,
                               {.unk = model.unk,
                                .byte_fallback = models_flag(entry, "byte_fallback"),
                                .fuse_unk = models_flag(entry, "fuse_unk"),
                                .continuing_subword_prefix = models_text(entry, "continuing_subword_prefix"),
                                .end_of_word_suffix = models_text(entry, "end_of_word_suffix")},
                               "golden");
    lm::CharacterBpeEncoder encoder(bpe);
    check_ids(entry, texts, [&](std::string_view text, std::vector<lm::TokenId>& ids) { encoder.encode(text, ids); });
  } else if (kind == "unigram") {
    const lm::Unigram unigram(model.tokens, model.scores,
                              {.unk = model.unk, .byte_fallback = models_flag(entry, "byte_fallback")}, "golden");
    lm::UnigramEncoder encoder(unigram);
    check_ids(entry, texts, [&](std::string_view text, std::vector<lm::TokenId>& ids) { encoder.encode(text, ids); });
  } else if (models_text(entry, "name") == "bert") {
    const lm::WordPiece wordpiece(model.tokens, {.unk = model.unk}, "golden");
    lm::WordPieceEncoder encoder(wordpiece);
    check_ids(entry, texts, [&](std::string_view text, std::vector<lm::TokenId>& ids) { encoder.encode(text, ids); });
  } else {
    const lm::WordLevel words(model.tokens, model.unk);
    check_ids(entry, texts, [&](std::string_view text, std::vector<lm::TokenId>& ids) { words.encode(text, ids); });
  }
}

}  // namespace

TEST_CASE("models give the ids that Hugging Face's library gives") {
  const JsonValue *tokens = nullptr, *merges = nullptr, *first_texts = nullptr, *words = nullptr;
  for (const JsonValue& entry : *models_golden().find("cases")->if_array()) {
    const std::string name = models_text(entry, "name"), kind = models_text(entry, "kind");
    CAPTURE(name);
    if (entry.find("tokens") != nullptr) tokens = entry.find("tokens");
    if (entry.find("merges") != nullptr) merges = entry.find("merges");
    const JsonValue* texts = entry.find("texts");
    if (name == "llama 2") first_texts = texts;
    if (name == "prefix and suffix") words = texts;
    if (texts == nullptr) texts = name == "bert" ? words : first_texts;
    check_case(entry, read_golden_model(entry, tokens, kind == "bpe" ? merges : nullptr), *texts);
  }
}
