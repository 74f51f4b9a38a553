#include "text/spelled_model.h"

namespace lm {

namespace {

/// Returns the scores of all ids; those of added tokens, which the model does not have, do not count.
std::vector<double> padded_scores(const TokenizerParts& parts) {
  std::vector<double> scores = parts.scores;
  scores.resize(parts.tokens.size());
  return scores;
}

std::vector<float> float_scores(const TokenizerParts& parts) {
  if (parts.scores.empty()) return {};
  const std::vector<double> scores = padded_scores(parts);
  return {scores.begin(), scores.end()};
}

std::vector<PieceKind> padded_kinds(const TokenizerParts& parts) {
  std::vector<PieceKind> kinds = parts.kinds;
  if (!kinds.empty()) kinds.resize(parts.tokens.size(), PieceKind::control);
  return kinds;
}

CharacterBpeOptions bpe_options(const TokenizerParts& parts, const std::vector<bool>& absent) {
  using Rule = CharacterBpeOptions::Rule;
  return {.rule = parts.scores.empty() ? Rule::merge_list : Rule::scores,
          .unk = parts.unknown,
          .byte_fallback = parts.byte_fallback,
          .partial_bytes = parts.partial_bytes,
          .fuse_unk = parts.fuse_unknown,
          .ignore_merges = parts.ignore_merges,
          .newline_runs = parts.newline_runs,
          .continuing_subword_prefix = parts.subword_prefix,
          .end_of_word_suffix = parts.word_suffix,
          .scores = float_scores(parts),
          .kinds = padded_kinds(parts),
          .absent = absent};
}

UnigramOptions unigram_options(const TokenizerParts& parts, const std::vector<bool>& absent) {
  using Flavor = UnigramOptions::Flavor;
  const Flavor flavor = parts.origin == TokenizerParts::Origin::sentencepiece ? Flavor::sentencepiece
                        : parts.origin == TokenizerParts::Origin::llama_cpp   ? Flavor::llama
                                                                              : Flavor::hugging_face;
  return {.flavor = flavor,
          .unk = parts.unknown,
          .byte_fallback = parts.byte_fallback,
          .kinds = padded_kinds(parts),
          .absent = absent};
}

WordPieceOptions wordpiece_options(const TokenizerParts& parts, const std::vector<bool>& absent) {
  return {.unk = parts.unknown,
          .continuing_subword_prefix = parts.subword_prefix,
          .word_prefix = parts.word_prefix,
          .max_input_chars_per_word = static_cast<std::uint64_t>(parts.max_word_characters),
          .absent = absent};
}

}  // namespace

SpelledModel::SpelledModel(const TokenizerParts& parts, const std::vector<bool>& absent, std::string_view source) {
  switch (parts.kind) {
    case ModelKind::bpe:
      model_ = std::make_unique<const CharacterBpe>(parts.tokens, parts.merges, bpe_options(parts, absent), source);
      return;
    case ModelKind::unigram:
      model_ = std::make_unique<const Unigram>(parts.tokens, padded_scores(parts), unigram_options(parts, absent), source);
      return;
    case ModelKind::wordpiece:
      model_ = std::make_unique<const WordPiece>(parts.tokens, wordpiece_options(parts, absent), source);
      return;
    case ModelKind::wordlevel:
      model_ = std::make_unique<const WordLevel>(parts.tokens, parts.unknown, absent);
      return;
  }
}

bool SpelledModel::joins_space(char32_t before) const {
  const auto* bpe = std::get_if<Table<CharacterBpe>>(&model_);
  return bpe == nullptr || !(*bpe)->can_cut() || (*bpe)->joins(before, U' ') || (*bpe)->joins(before, U'\u2581');
}

bool SpelledModel::sums_apart_at(std::string_view space) const {
  const auto* unigram = std::get_if<Table<Unigram>>(&model_);
  return unigram != nullptr && (*unigram)->parts_at(space);
}

SpelledModel::Encoder::Encoder(const SpelledModel& model, PieceCache::Use use) {
  if (const auto* bpe = std::get_if<Table<CharacterBpe>>(&model.model_)) encoder_.emplace<CharacterBpeEncoder>(**bpe);
  if (const auto* unigram = std::get_if<Table<Unigram>>(&model.model_)) encoder_.emplace<UnigramEncoder>(**unigram, use);
  if (const auto* pieces = std::get_if<Table<WordPiece>>(&model.model_)) encoder_.emplace<WordPieceEncoder>(**pieces, use);
  if (const auto* words = std::get_if<Table<WordLevel>>(&model.model_)) encoder_.emplace<WordLevelEncoder>(**words);
}

std::uint64_t SpelledModel::Encoder::lost() const {
  const auto* bpe = std::get_if<CharacterBpeEncoder>(&encoder_);
  return bpe == nullptr ? 0 : bpe->lost();
}

void SpelledModel::Encoder::encode(std::string_view piece, std::vector<TokenId>& ids) {
  std::visit(
      [&](auto& encoder) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(encoder)>, std::monostate>) encoder.encode(piece, ids);
      },
      encoder_);
}

}  // namespace lm
