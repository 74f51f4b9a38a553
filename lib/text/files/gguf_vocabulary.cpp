#include "text/files/gguf_vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "text/files/json_steps.h"
#include "text/files/llama_pre_tokenizers.h"
#include "text/files/llama_tokens.h"

namespace lm {

namespace {

using Model = ForeignVocabulary::Model;

/// Reads one file's vocabulary; each kind sets llama.cpp's defaults first, then what the file says.
class GgufVocabularyReader {
 public:
  explicit GgufVocabularyReader(const GgufFile& file) : file_(file) {
    vocabulary_.origin = TokenizerParts::Origin::llama_cpp;
  }

  ForeignVocabulary read() {
    const std::optional<std::string> model = file_.string_at("tokenizer.ggml.model");
    if (!model) refuse("it has no vocabulary (tokenizer.ggml.model)");
    read_tokens();
    correct_llama_kinds(vocabulary_, file_);
    if (*model == "llama") {
      read_spm();
    } else if (*model == "gpt2" || *model == "gemma4") {
      read_bpe(*model == "gemma4" ? *model : file_.string_at("tokenizer.ggml.pre").value_or(""));
    } else if (*model == "bert") {
      read_wpm();
    } else if (*model == "t5") {
      read_ugm();
    } else {
      refuse("its vocabulary is of the kind " + json_quote(model->substr(0, 100)) +
             "; known are gpt2, llama, bert, t5 and gemma4; use the tokenizer.json of its model");
    }
    read_special_ids();
    add_llama_tokens(vocabulary_, file_);
    vocabulary_.chat_template = file_.string_at("tokenizer.chat_template").value_or("");
    return std::move(vocabulary_);
  }

 private:
  void read_tokens() {
    const std::optional<GgufArray> tokens = file_.array_at("tokenizer.ggml.tokens");
    if (!tokens || tokens->count == 0) refuse("it has no tokens (tokenizer.ggml.tokens)");
    if (tokens->count >= (std::uint64_t{1} << 30) || tokens->size >= UINT32_MAX) refuse("it has 2^30 tokens or more");
    vocabulary_.tokens.reserve(tokens->size, tokens->count);
    file_.for_each_string(*tokens, [&](std::string_view token) {
      const std::string id = std::to_string(vocabulary_.tokens.size());
      vocabulary_.tokens.push_back(token.empty() ? "[EMPTY_" + id + "]" : token);
    });
    read_scores(tokens->count);
    read_kinds(tokens->count);
  }

  void read_scores(std::uint64_t count) {
    vocabulary_.scores.assign(count, 0);
    const std::optional<GgufArray> scores = file_.array_at("tokenizer.ggml.scores");
    if (!scores) return;
    if (scores->count < count)
      refuse("it has " + std::to_string(scores->count) + " scores for " + std::to_string(count) + " tokens");
    if (scores->type == GgufType::float32) {
      vocabulary_.scores = file_.floats(*scores);
    } else {
      const std::vector<std::int64_t> numbers = file_.integers(*scores, count);
      std::transform(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count), vocabulary_.scores.begin(),
                     [](std::int64_t number) { return static_cast<float>(number); });
    }
    vocabulary_.scores.resize(count);
    for (float& score : vocabulary_.scores) score = score == 0 ? 0 : score;  // of +0 and -0 neither is the higher one
  }

  void read_kinds(std::uint64_t count) {
    vocabulary_.kinds.assign(count, PieceKind::normal);
    const std::optional<GgufArray> types = file_.array_at("tokenizer.ggml.token_type");
    if (!types) return;
    if (types->count < count)
      refuse("it has " + std::to_string(types->count) + " types for " + std::to_string(count) + " tokens");
    constexpr PieceKind kKinds[] = {PieceKind::normal,       PieceKind::normal, PieceKind::unknown, PieceKind::control,
                                    PieceKind::user_defined, PieceKind::unused, PieceKind::byte};
    const std::vector<std::int64_t> numbers = file_.integers(*types, count);
    for (std::size_t id = 0; id < count; ++id) {
      // Undefined ones are in no way special.
      vocabulary_.kinds[id] = numbers[id] >= 0 && numbers[id] <= 6 ? kKinds[numbers[id]] : PieceKind::normal;
    }
  }

  bool flag(std::string_view key, bool otherwise) const { return file_.boolean_at(key).value_or(otherwise); }

  void read_spm() {
    vocabulary_.model = Model::bpe_characters;
    vocabulary_.by_scores = vocabulary_.byte_fallback = true;
    vocabulary_.bos = 1;
    vocabulary_.eos = 2;
    vocabulary_.unk = 0;
    vocabulary_.add_bos = flag("tokenizer.ggml.add_bos_token", true);
    vocabulary_.add_eos = flag("tokenizer.ggml.add_eos_token", false);
    const bool space = flag("tokenizer.ggml.add_space_prefix", true);
    JsonValue::Array steps;
    if (space) {
      steps.push_back(json_step("Prepend"));
      steps.back().set("prepend", kSpaceSymbol);
    }
    steps.push_back(json_replace(" ", kSpaceSymbol));
    vocabulary_.normalizer = json_sequence("normalizers", std::move(steps));
    vocabulary_.decoder = json_piece_decoder(true, space);
  }

  void read_bpe(const std::string& pre) {
    const LlamaPreTokenizer* cuts = find_llama_pre_tokenizer(pre);
    if (cuts == nullptr) {
      std::string known;
      for (const LlamaPreTokenizer& each : llama_pre_tokenizers())
        known += (known.empty() ? "" : " ") + std::string(each.name);
      refuse("its way to cut text (tokenizer.ggml.pre) is " + json_quote(pre.substr(0, 100)) +
             "; use the tokenizer.json of its model; known are " + known);
    }
    const LlamaPreTokenizerFlags& flags = cuts->flags;
    vocabulary_.model = flags.characters ? Model::bpe_characters : Model::bpe_bytes;
    vocabulary_.byte_fallback = vocabulary_.partial_bytes = flags.characters;
    vocabulary_.ignore_merges = flags.ignore_merges;
    vocabulary_.newline_runs = flags.newline_runs;
    vocabulary_.clean_up_spaces = flags.clean_up_spaces;
    if (flags.has_bos && pre != "gemma4") vocabulary_.bos = 11;
    if (pre != "gemma4") vocabulary_.eos = 11;
    // gemma-4's files say that it has none, and are wrong.
    vocabulary_.add_bos = flags.newline_runs || flag("tokenizer.ggml.add_bos_token", flags.add_bos);
    vocabulary_.add_eos = flag("tokenizer.ggml.add_eos_token", false);
    if (flags.characters) {
      if (flags.escape_spaces) vocabulary_.normalizer = json_replace(" ", kSpaceSymbol);
      vocabulary_.decoder = json_piece_decoder(true, false);
    } else {
      vocabulary_.decoder = json_step("ByteLevel");
      vocabulary_.decoder.set("add_prefix_space", false).set("trim_offsets", true).set("use_regex", true);
    }
    vocabulary_.pre_tokenizer = pre_tokenizer_json(*cuts);
    read_merges();
  }

  void read_merges() {
    const std::optional<GgufArray> merges = file_.array_at("tokenizer.ggml.merges");
    if (!merges) refuse("it has no merges (tokenizer.ggml.merges)");
    if (merges->count >= UINT32_MAX) refuse("it has 2^32 merges or more");
    TokenIndex index;
    index.reset(vocabulary_.tokens, vocabulary_.tokens.size());
    for (TokenId id = 0; id < vocabulary_.tokens.size(); ++id) {
      if (!index.insert(id)) refuse("two of its tokens are " + json_quote(vocabulary_.tokens[id].substr(0, 100)));
    }
    PairTable seen;
    seen.reset(merges->count);
    vocabulary_.merges.reserve(merges->count);
    std::uint32_t number = 0;
    file_.for_each_string(*merges, [&](std::string_view merge) {
      const std::size_t space = merge.find(' ', 1);
      const bool cut = space != std::string_view::npos;
      const std::optional<TokenId> left = cut ? index.find(merge.substr(0, space)) : std::nullopt;
      const std::optional<TokenId> right = cut ? index.find(merge.substr(space + 1)) : std::nullopt;
      if (!left || !right)
        refuse("merge " + std::to_string(number) + ", " + json_quote(merge.substr(0, 100)) +
               ", is not two tokens and a space");
      // Of a pair that is there twice the first counts.
      if (seen.insert({*left, *right}, {number, 0})) vocabulary_.merges.push_back({*left, *right});
      ++number;
    });
  }

  void read_wpm() {
    vocabulary_.model = Model::wordpiece;
    vocabulary_.word_prefix = kSpaceSymbol;
    vocabulary_.bos = 101;
    vocabulary_.unk = 100;
    vocabulary_.sep = 102;
    vocabulary_.pad = 0;
    vocabulary_.mask = 103;
    vocabulary_.add_bos = vocabulary_.add_sep = true;
    vocabulary_.clean_up_spaces = true;
    JsonValue normalizer = json_step("LlamaCppBert");
    const bool lowercase = flag("tokenizer.ggml.normalizer.lowercase", true);
    normalizer.set("lowercase", lowercase);
    normalizer.set("strip_accents", flag("tokenizer.ggml.normalizer.strip_accents", lowercase));
    vocabulary_.normalizer = std::move(normalizer);
    vocabulary_.pre_tokenizer = json_step("WhitespaceSplit");
    vocabulary_.decoder = json_piece_decoder(false, false);
  }

  void read_ugm() {
    vocabulary_.model = Model::unigram;
    vocabulary_.fuse_unk = true;
    vocabulary_.eos = 1;
    vocabulary_.unk = 2;
    vocabulary_.pad = 0;
    vocabulary_.add_bos = flag("tokenizer.ggml.add_bos_token", false);
    vocabulary_.add_eos = flag("tokenizer.ggml.add_eos_token", true);
    const bool space = flag("tokenizer.ggml.add_space_prefix", false);
    SentencePieceNormalizerSpec spec;
    spec.remove_extra_whitespaces = flag("tokenizer.ggml.remove_extra_whitespaces", false);
    // A space goes before each word once spaces are merged, and so before the first.
    spec.add_dummy_prefix = space || spec.remove_extra_whitespaces;
    if (const std::optional<GgufArray> map = file_.array_at("tokenizer.ggml.precompiled_charsmap"))
      spec.precompiled_charsmap = file_.bytes(*map);
    for (TokenId id = 0; id < vocabulary_.tokens.size(); ++id) {
      if (vocabulary_.kinds[id] == PieceKind::user_defined) spec.user_defined_symbols.emplace_back(vocabulary_.tokens[id]);
    }
    vocabulary_.normalizer = json_sentencepiece_normalizer(std::move(spec));
    vocabulary_.decoder = json_piece_decoder(true, space);
  }

  /// Reads the ids that the file names; one that is no token's is as if it were not there.
  void read_special_ids() {
    const std::pair<std::string_view, std::optional<TokenId>*> ids[] = {
        {"tokenizer.ggml.bos_token_id", &vocabulary_.bos},
        {"tokenizer.ggml.eos_token_id", &vocabulary_.eos},
        {"tokenizer.ggml.unknown_token_id", &vocabulary_.unk},
        {"tokenizer.ggml.seperator_token_id", &vocabulary_.sep},
        {"tokenizer.ggml.padding_token_id", &vocabulary_.pad},
        {"tokenizer.ggml.cls_token_id", &vocabulary_.cls},
        {"tokenizer.ggml.mask_token_id", &vocabulary_.mask},
        // The names of older files first.
        {"tokenizer.ggml.prefix_token_id", &vocabulary_.fim_prefix},
        {"tokenizer.ggml.suffix_token_id", &vocabulary_.fim_suffix},
        {"tokenizer.ggml.middle_token_id", &vocabulary_.fim_middle},
        {"tokenizer.ggml.fim_pre_token_id", &vocabulary_.fim_prefix},
        {"tokenizer.ggml.fim_suf_token_id", &vocabulary_.fim_suffix},
        {"tokenizer.ggml.fim_mid_token_id", &vocabulary_.fim_middle},
        {"tokenizer.ggml.fim_pad_token_id", &vocabulary_.fim_pad},
        {"tokenizer.ggml.fim_rep_token_id", &vocabulary_.fim_repository},
        {"tokenizer.ggml.fim_sep_token_id", &vocabulary_.fim_file}};
    for (const auto& [key, id] : ids) {
      if (*id && **id >= vocabulary_.tokens.size()) id->reset();
      const std::optional<std::uint64_t> named = file_.unsigned_at(key);
      if (named && *named < vocabulary_.tokens.size()) *id = static_cast<TokenId>(*named);
    }
    if (!vocabulary_.bos) vocabulary_.add_bos = false;
    if (!vocabulary_.eos) vocabulary_.add_eos = false;
    if (!vocabulary_.sep) vocabulary_.add_sep = false;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("cannot use the vocabulary of '" + file_.name() + "': " + why);
  }

  const GgufFile& file_;
  ForeignVocabulary vocabulary_;
};

}  // namespace

ForeignVocabulary read_gguf_vocabulary(const GgufFile& file) { return GgufVocabularyReader(file).read(); }

}  // namespace lm
