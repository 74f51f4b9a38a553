// Reading normalizers from a tokenizer.json.
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/error.h"
#include "text/normalize/normalize_step.h"

namespace lm {

namespace {

constexpr std::size_t kMostNormalizeSteps = 64;

/// Reads one step; Sequence is no step but some.
class NormalizeStepReader {
 public:
  NormalizeStepReader(std::string_view source, const MatchFinderFactory& factory) : source_(source), factory_(factory) {}

  NormalizeStep read(const std::string& type, const JsonValue& value) const;

 private:
  bool flag(const JsonValue& value, const char* name, bool otherwise) const {
    const JsonValue* member = value.find(name);
    return member == nullptr || member->is_null() ? otherwise : value.boolean_at(name, source_);
  }
  BertSettings bert(const JsonValue& value) const;
  std::optional<CharsMap> map(const JsonValue& value) const;
  NormalizeStep sentencepiece(const JsonValue& value) const;

  std::string_view source_;
  const MatchFinderFactory& factory_;
};

BertSettings NormalizeStepReader::bert(const JsonValue& value) const {
  const bool lowercase = value.boolean_at("lowercase", source_);
  return {.clean_text = value.boolean_at("clean_text", source_),
          .handle_chinese_chars = value.boolean_at("handle_chinese_chars", source_),
          .strip_accents = flag(value, "strip_accents", lowercase),
          .lowercase = lowercase};
}

std::optional<CharsMap> NormalizeStepReader::map(const JsonValue& value) const {
  const JsonValue* member = value.find("precompiled_charsmap");
  if (member == nullptr || member->is_null()) return std::nullopt;
  const std::string& text = value.string_at("precompiled_charsmap", source_);
  if (text.empty()) return std::nullopt;
  const std::optional<std::string> bytes = from_base64(text);
  if (!bytes) throw Error("the map of characters in '" + std::string(source_) + "' is not base64; is the file whole?");
  return CharsMap::parse(*bytes, source_);
}

NormalizeStep NormalizeStepReader::sentencepiece(const JsonValue& value) const {
  std::optional<CharsMap> precompiled = map(value);
  std::vector<std::string_view> words;
  if (const JsonValue* symbols = value.find("user_defined_symbols"); symbols != nullptr && !symbols->is_null()) {
    const auto refuse = [&] {
      throw Error("expected an array of strings for 'user_defined_symbols' in '" + std::string(source_) + "'");
    };
    if (symbols->if_array() == nullptr) refuse();
    for (const JsonValue& symbol : *symbols->if_array()) {
      if (symbol.if_string() == nullptr) refuse();
      words.emplace_back(*symbol.if_string());
    }
  }
  const SentencePieceNormalizer::Settings settings = {
      .add_dummy_prefix = flag(value, "add_dummy_prefix", true),
      .remove_extra_whitespaces = flag(value, "remove_extra_whitespaces", true),
      .escape_whitespaces = flag(value, "escape_whitespaces", true),
      .treat_whitespace_as_suffix = flag(value, "treat_whitespace_as_suffix", false)};
  return {SentencePieceNormalizer(settings, std::move(precompiled), WordPrefixes(std::move(words)))};
}

NormalizeStep NormalizeStepReader::read(const std::string& type, const JsonValue& value) const {
  if (type == "NFC") return {UnicodeForm::nfc};
  if (type == "NFD") return {UnicodeForm::nfd};
  if (type == "NFKC") return {UnicodeForm::nfkc};
  if (type == "NFKD") return {UnicodeForm::nfkd};
  if (type == "Lowercase") return {PlainStep::lowercase};
  if (type == "StripAccents") return {PlainStep::strip_accents};
  if (type == "Nmt") return {PlainStep::nmt};
  if (type == "ByteLevel") return {PlainStep::byte_level};
  if (type == "Replace") return {Replacement::from_json(value, source_, factory_)};
  if (type == "Prepend") return {PrependStep{value.string_at("prepend", source_)}};
  if (type == "Strip") {
    return {StripStep{value.boolean_at("strip_left", source_), value.boolean_at("strip_right", source_)}};
  }
  if (type == "BertNormalizer" || type == "Bert") return {bert(value)};
  if (type == "SentencePiece") return sentencepiece(value);
  if (type == "LlamaCppBert") {
    return {
        LlamaBertSettings{.lowercase = flag(value, "lowercase", true), .strip_accents = flag(value, "strip_accents", true)}};
  }
  if (type == "Precompiled") {
    if (std::optional<CharsMap> precompiled = map(value)) return {Precompiled(std::move(*precompiled))};
    throw Error("expected base64 text for 'precompiled_charsmap' in '" + std::string(source_) + "'");
  }
  throw Error(
      "the normalizer " + json_quote(type.substr(0, 100)) + " in '" + std::string(source_) +
      "' is not known; known are BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, "
      "Replace, Sequence, Strip and StripAccents");
}

}  // namespace

void read_normalize_steps(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory,
                          std::vector<NormalizeStep>& steps) {
  const NormalizeStepReader reader(source, factory);
  std::vector<const JsonValue*> open = {&value};  // what is still to be read, the next at the back
  while (!open.empty()) {
    const JsonValue& next = *open.back();
    open.pop_back();
    const std::string& type = next.string_at("type", source);
    if (type != "Sequence") {
      if (steps.size() == kMostNormalizeSteps)
        throw Error("the normalizer in '" + std::string(source) + "' has more than 64 steps, which is not supported");
      steps.push_back(reader.read(type, next));
      continue;
    }
    const JsonValue* parts = next.find("normalizers");
    if (parts == nullptr || parts->if_array() == nullptr) {
      throw Error("expected an array for 'normalizers' in '" + std::string(source) + "'");
    }
    for (auto part = parts->if_array()->rbegin(); part != parts->if_array()->rend(); ++part) open.push_back(&*part);
  }
}

}  // namespace lm
