#include "text/files/sentencepiece.h"

#include <bitset>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
#include "text/files/json_steps.h"
#include "text/files/protobuf.h"
#include "text/vocabulary/byte_tokens.h"

namespace lm {

namespace {

constexpr std::size_t kMaxPieceBytes = 8000;  // SentencePiece refuses longer ones

enum class ModelType { unigram = 1, bpe = 2, word = 3, character = 4 };

// What is used of TrainerSpec, with its defaults.
struct TrainerSpec {
  std::uint64_t model_type = 1;
  bool treat_whitespace_as_suffix = false;
  bool byte_fallback = false;
  std::string bos_piece = "<s>", eos_piece = "</s>", pad_piece = "<pad>";
  std::string unk_surface = " \xE2\x81\x87 ";
};

/// Gathers the parts of a ModelProto, then checks them as SentencePiece does.
class SentencePieceReader {
 public:
  SentencePieceReader(std::string_view bytes, std::string_view source) : source_(source) {
    ProtobufReader model(bytes);
    // The counts first, so that nothing grows by doubling.
    std::uint64_t count = 0, size = 0;
    for (ProtobufReader scan(bytes); scan.next();) {
      count += scan.is_bytes(1) ? 1 : 0;
      size += scan.is_bytes(1) ? scan.bytes().size() : 0;
    }
    if (size >= UINT32_MAX) refuse("it has 4 GiB of pieces or more");
    vocabulary_.tokens.reserve(size, count);
    vocabulary_.scores.reserve(count);
    vocabulary_.kinds.reserve(count);
    while (model.next()) {
      if (model.is_bytes(1)) read_piece(model.bytes());
      if (model.is_bytes(2)) read_trainer_spec(model.bytes());
      if (model.is_bytes(3)) read_normalizer_spec(model.bytes());
      if (model.is_bytes(5)) read_denormalizer_spec(model.bytes());
    }
    if (model.failed()) refuse("it is no message of protobuf, or breaks off");
  }

  ForeignVocabulary take() {
    if (vocabulary_.tokens.size() == 0) refuse("it has no pieces");
    check_pieces();
    set_model();
    set_pipeline();
    return std::move(vocabulary_);
  }

 private:
  void read_piece(std::string_view message) {
    std::string_view piece;
    float score = 0;
    std::uint64_t type = 1;
    ProtobufReader fields(message);
    while (fields.next()) {
      if (fields.is_bytes(1)) piece = fields.bytes();
      if (fields.is_float(2)) score = fields.real();
      // A number that is no type is kept aside as an unknown field.
      if (fields.is_number(3) && fields.number() >= 1 && fields.number() <= 6) type = fields.number();
    }
    if (fields.failed()) refuse("piece " + std::to_string(vocabulary_.tokens.size()) + " is no message of protobuf");
    constexpr PieceKind kKinds[] = {PieceKind::normal,       PieceKind::normal, PieceKind::unknown, PieceKind::control,
                                    PieceKind::user_defined, PieceKind::unused, PieceKind::byte};
    vocabulary_.tokens.push_back(piece);
    vocabulary_.scores.push_back(score);
    vocabulary_.kinds.push_back(kKinds[type]);
  }

  void read_trainer_spec(std::string_view message) {
    ProtobufReader fields(message);
    while (fields.next()) {
      if (fields.is_number(3)) trainer_.model_type = fields.number();
      if (fields.is_number(24)) trainer_.treat_whitespace_as_suffix = fields.number() != 0;
      if (fields.is_number(35)) trainer_.byte_fallback = fields.number() != 0;
      if (fields.is_bytes(44)) trainer_.unk_surface = fields.bytes();
      if (fields.is_bytes(46)) trainer_.bos_piece = fields.bytes();
      if (fields.is_bytes(47)) trainer_.eos_piece = fields.bytes();
      if (fields.is_bytes(48)) trainer_.pad_piece = fields.bytes();
    }
    if (fields.failed()) refuse("its trainer_spec is no message of protobuf");
  }

  void read_normalizer_spec(std::string_view message) {
    ProtobufReader fields(message);
    while (fields.next()) {
      if (fields.is_bytes(2)) normalizer_.precompiled_charsmap = fields.bytes();
      if (fields.is_number(3)) normalizer_.add_dummy_prefix = fields.number() != 0;
      if (fields.is_number(4)) normalizer_.remove_extra_whitespaces = fields.number() != 0;
      if (fields.is_number(5)) normalizer_.escape_whitespaces = fields.number() != 0;
    }
    if (fields.failed()) refuse("its normalizer_spec is no message of protobuf");
  }

  void read_denormalizer_spec(std::string_view message) {
    ProtobufReader fields(message);
    while (fields.next()) {
      if (fields.is_bytes(2) && !fields.bytes().empty())
        refuse("it changes decoded text by a map (denormalizer_spec), which is not known here");
    }
  }

  void check_pieces() {
    const TokenStrings& tokens = vocabulary_.tokens;
    // Unigram and char models keep apart what does not come from text.
    const bool apart = trainer_.model_type != static_cast<std::uint64_t>(ModelType::bpe);
    TokenIndex from_text, others;
    from_text.reset(tokens, tokens.size());
    others.reset(tokens, tokens.size());
    std::bitset<256> bytes;
    for (TokenId id = 0; id < tokens.size(); ++id) {
      const std::string_view piece = tokens[id];
      const PieceKind kind = vocabulary_.kinds[id];
      check_piece(id, piece, kind);
      const bool is_normal = kind == PieceKind::normal || kind == PieceKind::user_defined || kind == PieceKind::unused;
      if (piece != std::string_view("\0", 1) && !(apart && !is_normal ? others : from_text).insert(id))
        refuse("two of its pieces are " + json_quote(piece.substr(0, 100)));
      if (kind == PieceKind::unknown) {
        if (vocabulary_.unk) refuse("it has two unknown pieces");
        vocabulary_.unk = id;
      }
      if (kind != PieceKind::byte) continue;
      const std::optional<unsigned> byte = byte_of_token_name(piece);
      if (!trainer_.byte_fallback || !byte)
        refuse("piece " + std::to_string(id) + " is of type byte, and its spelling or byte_fallback is not");
      bytes[*byte] = true;
    }
    if (!vocabulary_.unk && !trainer_.byte_fallback) refuse("it has no unknown piece");
    if (trainer_.byte_fallback && !bytes.all()) refuse("it has byte_fallback without all 256 byte pieces");
  }

  void check_piece(TokenId id, std::string_view piece, PieceKind kind) {
    const std::string name = "piece " + std::to_string(id);
    if (piece.empty()) refuse(name + " is empty");
    if (piece.size() >= kMaxPieceBytes)
      refuse(name + " has " + std::to_string(piece.size()) + " bytes, expected fewer than 8000");
    if (!is_utf8(piece)) refuse(name + " is not UTF-8");
    const bool placeholder = kind == PieceKind::unused && piece == std::string_view("\0", 1);
    if (!placeholder && piece.find('\0') != std::string_view::npos) refuse(name + " has a zero byte");
    if (!std::isfinite(vocabulary_.scores[id])) refuse("the score of " + name + " is not a finite number");
  }

  void set_model() {
    vocabulary_.origin = TokenizerParts::Origin::sentencepiece;
    vocabulary_.byte_fallback = trainer_.byte_fallback;
    vocabulary_.fuse_unk = true;
    switch (static_cast<ModelType>(trainer_.model_type)) {
      case ModelType::unigram:
        vocabulary_.model = ForeignVocabulary::Model::unigram;
        return;
      case ModelType::character:
        check_characters();
        [[fallthrough]];
      case ModelType::bpe:
        vocabulary_.model = ForeignVocabulary::Model::bpe_characters;
        vocabulary_.by_scores = true;
        return;
      case ModelType::word:
        refuse("its model type is word; known are unigram, bpe and char");
    }
    refuse("its model type is " + std::to_string(trainer_.model_type) + "; known are unigram, bpe and char");
  }

  /// A char model is BPE with nothing to merge.
  void check_characters() {
    for (TokenId id = 0; id < vocabulary_.tokens.size(); ++id) {
      const std::string_view piece = vocabulary_.tokens[id];
      const PieceKind kind = vocabulary_.kinds[id];
      if (kind != PieceKind::normal && kind != PieceKind::unused) continue;
      if (decode_utf8(piece.data(), piece.data() + piece.size()).length != piece.size())
        refuse("piece " + std::to_string(id) + " of a char model has more than one character");
    }
  }

  std::optional<TokenId> find_control(std::string_view name) const {
    for (TokenId id = 0; id < vocabulary_.tokens.size(); ++id) {
      if (vocabulary_.kinds[id] == PieceKind::control && vocabulary_.tokens[id] == name) return id;
    }
    return std::nullopt;
  }

  void set_pipeline() {
    for (TokenId id = 0; id < vocabulary_.tokens.size(); ++id) {
      const PieceKind kind = vocabulary_.kinds[id];
      if (kind == PieceKind::user_defined) normalizer_.user_defined_symbols.emplace_back(vocabulary_.tokens[id]);
      if (kind == PieceKind::control || kind == PieceKind::unknown) vocabulary_.added.push_back({.id = id, .special = true});
    }
    vocabulary_.bos = find_control(trainer_.bos_piece);
    vocabulary_.eos = find_control(trainer_.eos_piece);
    vocabulary_.pad = find_control(trainer_.pad_piece);
    vocabulary_.unk_surface = trainer_.unk_surface;
    vocabulary_.decoder = json_piece_decoder(trainer_.byte_fallback, false);  // the first space is StreamDecoder's
    normalizer_.treat_whitespace_as_suffix = trainer_.treat_whitespace_as_suffix;
    vocabulary_.normalizer = json_sentencepiece_normalizer(std::move(normalizer_));
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("invalid SentencePiece model '" + std::string(source_) + "': " + why);
  }

  std::string_view source_;
  ForeignVocabulary vocabulary_;
  TrainerSpec trainer_;
  SentencePieceNormalizerSpec normalizer_;
};

}  // namespace

ForeignVocabulary read_sentencepiece(std::string_view bytes, std::string_view source) {
  return SentencePieceReader(bytes, source).take();
}

}  // namespace lm
