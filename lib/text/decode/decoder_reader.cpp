// Reading decoders from a tokenizer.json.
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/decode/decode_step.h"

namespace lm {

namespace {

constexpr std::size_t kMostDecodeSteps = 64;

[[noreturn]] void refuse_decoder(const std::string& type, std::string_view source, const std::string& why) {
  throw Error("the decoder " + json_quote(type.substr(0, 100)) + " in '" + std::string(source) + "' " + why);
}

const std::string& one_character(const JsonValue& value, const char* name, std::string_view source) {
  const std::string& text = value.string_at(name, source);
  if (text.empty() || decode_utf8(text.data(), text.data() + text.size()).length != text.size()) {
    throw Error("expected one character for '" + std::string(name) + "' of a decoder in '" + std::string(source) + "'");
  }
  return text;
}

StripTokens read_strip(const JsonValue& value, std::string_view source) {
  constexpr std::int64_t kMost = 1000;  // held at the end of a text
  const std::int64_t start = value.integer_at("start", source), stop = value.integer_at("stop", source);
  if (start < 0 || stop < 0 || stop > kMost) {
    throw Error("expected 'start' of at least 0 and 'stop' from 0 to 1000 for Strip in '" + std::string(source) + "'");
  }
  return {one_character(value, "content", source), static_cast<std::size_t>(start), static_cast<std::size_t>(stop)};
}

DecodeMetaspace read_metaspace(const JsonValue& value, std::string_view source) {
  const std::string& mark = one_character(value, "replacement", source);
  const JsonValue* scheme = value.find("prepend_scheme");
  const JsonValue* prefix = value.find("add_prefix_space");
  const std::string name = scheme == nullptr || scheme->is_null() ? "always" : value.string_at("prepend_scheme", source);
  if (name != "always" && name != "first" && name != "never") {
    throw Error("expected always, first or never for 'prepend_scheme' in '" + std::string(source) + "', not '" + name + "'");
  }
  const bool without_prefix = prefix != nullptr && prefix->if_bool() != nullptr && !*prefix->if_bool();
  return {.drops_first = name != "never" && !without_prefix,
          .first = Replacement::of_literal(mark, ""),
          .other = Replacement::of_literal(mark, " ")};
}

DecodeStep read_decode_step(const std::string& type, const JsonValue& value, std::string_view source,
                            const MatchFinderFactory& factory) {
  if (type == "ByteLevel") return {DecodeByteLevel{}};
  if (type == "ByteFallback") return {DecodeBytes{}};
  if (type == "Fuse") return {FuseTokens{}};
  if (type == "Replace") return {Replacement::from_json(value, source, factory)};
  if (type == "Strip") return {read_strip(value, source)};
  if (type == "Metaspace") return {read_metaspace(value, source)};
  if (type == "WordPiece") return {DecodeWordPiece{value.string_at("prefix", source), value.boolean_at("cleanup", source)}};
  if (type == "BPEDecoder") {
    const std::string& suffix = value.string_at("suffix", source);
    return {DecodeSuffix{Replacement::of_literal(suffix, ""), Replacement::of_literal(suffix, " ")}};
  }
  if (type == "CTC") {
    return {DecodeCtc{Replacement::of_literal(value.string_at("pad_token", source), ""),
                      Replacement::of_literal(value.string_at("word_delimiter_token", source), " "),
                      value.boolean_at("cleanup", source)}};
  }
  refuse_decoder(
      type, source,
      "is not known; known are BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Sequence, Strip and "
      "WordPiece");
}

/// Returns whether a step can take one token in pieces.
bool takes_pieces(const DecodeStep& step) {
  if (const auto* replacement = std::get_if<Replacement>(&step.what)) {
    return replacement->literal() != nullptr && !replacement->literal()->empty();
  }
  return std::holds_alternative<FuseTokens>(step.what) || std::holds_alternative<StripTokens>(step.what) ||
         std::holds_alternative<DecodeMetaspace>(step.what);
}

}  // namespace

std::vector<DecodeStep> read_decode_steps(const JsonValue& value, std::string_view source,
                                          const MatchFinderFactory& factory) {
  std::vector<DecodeStep> steps;
  std::vector<const JsonValue*> open = {&value};  // what is still to be read, the next at the back
  bool is_fused = false;
  while (!open.empty()) {
    const JsonValue& next = *open.back();
    open.pop_back();
    const std::string& type = next.string_at("type", source);
    if (type == "Sequence") {
      const JsonValue* parts = next.find("decoders");
      if (parts == nullptr || parts->if_array() == nullptr) {
        throw Error("expected an array for 'decoders' in '" + std::string(source) + "'");
      }
      for (auto part = parts->if_array()->rbegin(); part != parts->if_array()->rend(); ++part) open.push_back(&*part);
      continue;
    }
    DecodeStep step = read_decode_step(type, next, source, factory);
    step.is_fused = is_fused;
    if (is_fused && !takes_pieces(step)) refuse_decoder(type, source, "is not supported after one that joins all tokens");
    is_fused = is_fused || step.fuses();
    if (steps.size() == kMostDecodeSteps) refuse_decoder(type, source, "is one of more than 64, which is not supported");
    steps.push_back(std::move(step));
  }
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    if (auto* bytes = std::get_if<DecodeBytes>(&steps[i].what)) bytes->whole_runs = !steps[i + 1].fuses();
  }
  return steps;
}

}  // namespace lm
