#include "text/files/vocabulary_merges.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/files/lines.h"
#include "text/files/spelled_vocabulary.h"
#include "text/files/tokenizer_config.h"

namespace lm {

namespace {

/// vocab.json: one object of spelling to id.
class VocabularyReader final : public JsonHandler {
 public:
  VocabularyReader(SpelledVocabulary& vocabulary, std::string_view source) : vocabulary_(vocabulary), source_(source) {}
  void null() override { fail(); }
  void boolean(bool) override { fail(); }
  void integer(std::int64_t value) override {
    if (!inside_) fail();
    vocabulary_.add(key_, value);
  }
  void real(double) override { fail(); }
  void string(std::string_view) override { fail(); }
  void key(std::string_view value) override { key_ = value; }
  void begin_object() override {
    if (inside_) fail();
    inside_ = true;
  }
  void end_object() override {}
  void begin_array() override { fail(); }
  void end_array() override {}

 private:
  [[noreturn]] void fail() const {
    throw Error("invalid tokenizer '" + std::string(source_) + "': it is not a JSON object of tokens and ids");
  }
  SpelledVocabulary& vocabulary_;
  std::string_view source_;
  std::string key_;
  bool inside_ = false;
};

}  // namespace

TokenizerParts read_vocabulary_and_merges(const VocabularyTexts& texts, const AddLiterals& add_literals,
                                          TokenizerParts::Form form) {
  SpelledVocabulary vocabulary(texts.vocabulary_source, texts.vocabulary_json.size());
  VocabularyReader reader(vocabulary, texts.vocabulary_source);
  parse_json_events(texts.vocabulary_json, texts.vocabulary_source, reader);
  vocabulary.index();
  if (add_literals) add_literals(vocabulary);
  TokenizerParts parts;
  parts.form = form;
  try {
    for_each_line(texts.merges_text, [&](std::string_view line, std::size_t number) {
      if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
      parts.merges.push_back(vocabulary.merge_of(line, parts.merges.size()));
    });
  } catch (const Error& error) {
    throw Error("cannot use the merges '" + std::string(texts.merges_source) + "': " + error.what());
  }
  vocabulary.move_to(parts);
  return parts;
}

TokenizerParts read_vocabulary_folder(const std::string& folder, const TokenizerConfig& config,
                                      const TokenizerOptions& options) {
  const std::string vocabulary = folder + "/vocab.json", merges = folder + "/merges.txt";
  const FileContent vocabulary_file = FileContent::read(vocabulary, kTokenizerLimit);
  const FileContent merges_file = FileContent::read(merges, kTokenizerLimit);
  using Form = TokenizerParts::Form;
  const Form form = config.adds_prefix_space ? Form::spelled : Form::bytes;
  TokenizerParts parts = read_vocabulary_and_merges(
      {.vocabulary_json = vocabulary_file.text(),
       .vocabulary_source = vocabulary,
       .merges_text = merges_file.text(),
       .merges_source = merges},
      [&](SpelledVocabulary& added) { add_configured_tokens(config, folder, added); }, form);
  apply_vocabulary_class(config, folder, options, parts);
  if (form == Form::bytes) return parts;
  if (parts.pattern != Pattern::gpt2) {
    throw Error("cannot use the tokenizer '" + folder +
                "': its tokenizer_config.json asks for add_prefix_space, which goes " + "with the pattern gpt2, not " +
                to_string(parts.pattern));
  }
  for (JsonValue* step : {&parts.components.pre_tokenizer, &parts.components.decoder})
    step->set("type", "ByteLevel").set("add_prefix_space", true).set("trim_offsets", true).set("use_regex", true);
  return parts;
}

}  // namespace lm
