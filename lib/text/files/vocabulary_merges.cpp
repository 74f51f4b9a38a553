#include "text/files/vocabulary_merges.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/files/left_out.h"
#include "text/files/lines.h"
#include "text/files/spelled_vocabulary.h"

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

TokenizerParts read_vocabulary_and_merges(std::string_view vocabulary_json, std::string_view vocabulary_source,
                                          std::string_view merges_text, std::string_view merges_source) {
  SpelledVocabulary vocabulary(vocabulary_source, vocabulary_json.size());
  VocabularyReader reader(vocabulary, vocabulary_source);
  parse_json_events(vocabulary_json, vocabulary_source, reader);
  vocabulary.index();
  TokenizerParts parts;
  try {
    for_each_line(merges_text, [&](std::string_view line, std::size_t number) {
      if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
      parts.merges.push_back(vocabulary.merge_of(line, parts.merges.size()));
    });
  } catch (const Error& error) {
    throw Error("cannot use the merges '" + std::string(merges_source) + "': " + error.what());
  }
  vocabulary.move_to(parts);
  return parts;
}

TokenizerParts read_vocabulary_folder(const std::string& folder, const TokenizerOptions& options) {
  const std::string vocabulary = folder + "/vocab.json", merges = folder + "/merges.txt";
  const FileContent vocabulary_file = FileContent::read(vocabulary, kTokenizerLimit);
  const FileContent merges_file = FileContent::read(merges, kTokenizerLimit);
  TokenizerParts parts = read_vocabulary_and_merges(vocabulary_file.text(), vocabulary, merges_file.text(), merges);
  const FolderUse use = read_folder_use(folder, options);
  parts.pattern = use.pattern;
  parts.tokens_around_text = use.tokens_around_text;
  return parts;
}

}  // namespace lm
