#include "text/files/llama_pre_tokenizers.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "text/files/json_steps.h"

namespace lm {

namespace {

// From llama.cpp's src/llama-vocab.cpp, except where src/unicode.cpp has code for an expression: contractions whose case does not
// matter are written (?i:...) if Hugging Face's are (U+017F counts as "s" then, which in llama.cpp it does not), \p{Lu} and the
// like are \p{L} (as there), digits in threes from the right are written out, and GPT-2's ends in \s+ (which changes nothing, as
// what is between matches is a piece, too).

constexpr std::array<std::string_view, 4> kDefaultExpressions = {
    R"re([\p{P}\$\+<=>\^~\|]+)re",
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
    R"re(\p{N}+)re",
    R"re([0-9][0-9][0-9])re",
};
constexpr std::array<std::string_view, 2> kMinicpm5Expressions = {
    R"re(\p{N}{1,3})re",
    R"re((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kLlama3Expressions = {
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 6> kDeepseekLlmExpressions = {
    R"re([\r\n])re",
    R"re(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)re",
    R"re(\s?[!-/:-~！-／：-～‘-‟　-。]+)re",
    R"re(\s+$)re",
    R"re([一-龥ࠀ-一가-퟿]+)re",
    R"re(\p{N}+)re",
};
constexpr std::array<std::string_view, 5> kDeepseekCoderExpressions = {
    R"re([\r\n])re", R"re(\s?\p{L}+)re", R"re(\s?\p{P}+)re", R"re([一-龥ࠀ-一가-퟿]+)re", R"re(\p{N})re",
};
constexpr std::array<std::string_view, 3> kDeepseek3LlmExpressions = {
    R"re(\p{N}{1,3})re",
    R"re([一-龥぀-ゟ゠-ヿ]+)re",
    R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 4> kSpark25Expressions = {
    R"re(\p{N}{1,3})re",
    R"re([一-龥぀-ゟ゠-ヿ]+)re",
    R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)re",
    R"re(\p{N})re",
};
constexpr std::array<std::string_view, 2> kYoutuExpressions = {
    R"re([가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+)re",
    R"re([^\r\n\p{L}\p{N}]?[\p{L}\p{M}]*[\p{L}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+[\p{L}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 3> kFalconExpressions = {
    R"re([\p{P}\$\+<=>\^~\|`]+)re",
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
    R"re([0-9][0-9][0-9])re",
};
constexpr std::array<std::string_view, 1> kMptExpressions = {
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 2> kStarcoderExpressions = {
    R"re(\p{N})re",
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kJais2Expressions = {
    R"re((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})re",
};
constexpr std::array<std::string_view, 1> kGemma4Expressions = {
    R"re([^\n]+|[\n]+)re",
};
constexpr std::array<std::string_view, 1> kWhitespaceExpressions = {
    R"re(\S+)re",
};
constexpr std::array<std::string_view, 1> kQwen2Expressions = {
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kQwen35Expressions = {
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kPoroExpressions = {
    R"re( ?[^(\s|.,!?…。，、।۔،)]+)re",
};
constexpr std::array<std::string_view, 2> kVikingExpressions = {
    R"re( ?[^(\s|.,!?…。，、।۔،)]+)re",
    R"re(\p{N})re",
};
constexpr std::array<std::string_view, 1> kTekkenExpressions = {
    R"re([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kExaoneMoeExpressions = {
    R"re((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 6> kChameleonExpressions = {
    R"re(<sentinel:[0-9]+>)re",    R"re((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)re",
    R"re(([\t\n]|    |  ))re",     R"re(\p{N})re",
    R"re([\p{P}!-/:-@\[-`{-~])re", R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kGpt4oExpressions = {
    R"re([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kGraniteEmbMultiExpressions = {
    R"re([^\r\n\p{L}\p{N}]?((?=[\p{L}\p{M}])([^a-z]))*((?=[\p{L}\p{M}])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?((?=[\p{L}\p{M}])([^a-z]))+((?=[\p{L}\p{M}])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 2> kTinyAyaExpressions = {
    R"re([^\p{N}]*\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})))re",
    R"re([^\r\n\p{L}\p{N}]?[\p{L}\p{M}]*[\p{L}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+[\p{L}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kBailingmoeExpressions = {
    R"re('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kSeedCoderExpressions = {
    R"re((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 1> kUfakzekaExpressions = {
    R"re([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 3> kAfmoeExpressions = {
    R"re([^\p{N}]*\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})))re",
    R"re([一-鿿㐀-䶿豈-﫿぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ]+)re",
    R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};
constexpr std::array<std::string_view, 2> kLagunaExpressions = {
    R"re([^\n]+|[\n]+)re",
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
};

constexpr LlamaPreTokenizer kLlamaPreTokenizers[] = {
    {"default", kDefaultExpressions},
    {"minicpm5", kMinicpm5Expressions, {.ignore_merges = true}},
    {"llama3", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"llama-v3", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"llama-bpe", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"falcon3", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"falcon-h1", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"pixtral", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"midm-2.0", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"lfm2", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"jina-v5-nano", kLlama3Expressions, {.ignore_merges = true, .add_bos = true}},
    {"deepseek-llm", kDeepseekLlmExpressions, {.clean_up_spaces = false}},
    {"deepseek-coder", kDeepseekCoderExpressions, {.clean_up_spaces = false}},
    {"deepseek-v3", kDeepseek3LlmExpressions, {.clean_up_spaces = false}},
    {"spark2_5", kSpark25Expressions, {.clean_up_spaces = false}},
    {"youtu", kYoutuExpressions, {.ignore_merges = true, .clean_up_spaces = false}},
    {"falcon", kFalconExpressions},
    {"mpt", kMptExpressions},
    {"starcoder", kStarcoderExpressions},
    {"gpt-2", kMptExpressions},
    {"phi-2", kMptExpressions},
    {"jina-es", kMptExpressions},
    {"jina-de", kMptExpressions},
    {"gigachat", kMptExpressions},
    {"jina-v2-es", kMptExpressions},
    {"jina-v2-de", kMptExpressions},
    {"a.x-4.0", kMptExpressions},
    {"mellum", kMptExpressions},
    {"modern-bert", kMptExpressions},
    {"jais-2", kJais2Expressions},
    {"gemma4", kGemma4Expressions, {.characters = true, .escape_spaces = true, .newline_runs = true}},
    {"granite-embed-multi-311m", kGemma4Expressions, {.characters = true, .escape_spaces = true, .newline_runs = true}},
    {"sarvam-moe", kGemma4Expressions, {.clean_up_spaces = false, .characters = true, .escape_spaces = true}},
    {"jina-v1-en", kMptExpressions, {.add_sep = true}},
    {"jina-v2-code", kMptExpressions, {.add_sep = true}},
    {"roberta-bpe", kMptExpressions, {.add_sep = true}},
    {"whitespace", kWhitespaceExpressions, {.characters = true}},
    {"refact", kStarcoderExpressions},
    {"command-r", kStarcoderExpressions, {.clean_up_spaces = false}},
    {"qwen2", kQwen2Expressions, {.clean_up_spaces = false}},
    {"deepseek-r1-qwen", kQwen2Expressions, {.clean_up_spaces = false}},
    {"kormo", kQwen2Expressions, {.clean_up_spaces = false}},
    {"f2llmv2", kQwen2Expressions, {.clean_up_spaces = false}},
    {"qwen35", kQwen35Expressions, {.clean_up_spaces = false}},
    {"stablelm2", kQwen2Expressions},
    {"olmo", kMptExpressions},
    {"dbrx", kLlama3Expressions},
    {"smaug-bpe", kLlama3Expressions},
    {"poro-chat", kPoroExpressions, {.clean_up_spaces = false}},
    {"chatglm-bpe", kLlama3Expressions, {.has_bos = false}},
    {"glm4", kLlama3Expressions, {.ignore_merges = true, .has_bos = false}},
    {"glm5", kLlama3Expressions, {.ignore_merges = true, .has_bos = false}},
    {"viking", kVikingExpressions, {.clean_up_spaces = false}},
    {"jais", kMptExpressions},
    {"tekken", kTekkenExpressions, {.ignore_merges = true, .clean_up_spaces = false, .add_bos = true}},
    {"smollm", kStarcoderExpressions, {.clean_up_spaces = false}},
    {"codeshell", kStarcoderExpressions},
    {"bloom", kPoroExpressions},
    {"gpt3-finnish", kPoroExpressions},
    {"exaone", kStarcoderExpressions},
    {"exaone4", kMptExpressions},
    {"exaone-moe", kExaoneMoeExpressions},
    {"chameleon", kChameleonExpressions, {.clean_up_spaces = false, .add_bos = true}},
    {"minerva-7b", kStarcoderExpressions},
    {"megrez", kQwen2Expressions},
    {"gpt-4o", kGpt4oExpressions, {.clean_up_spaces = false}},
    {"llama4", kGpt4oExpressions, {.clean_up_spaces = false}},
    {"kanana2", kGpt4oExpressions, {.clean_up_spaces = false}},
    {"talkie", kGpt4oExpressions, {.clean_up_spaces = false}},
    {"granite-embed-multi-97m", kGraniteEmbMultiExpressions, {.ignore_merges = true, .clean_up_spaces = false}},
    {"tiny_aya", kTinyAyaExpressions, {.clean_up_spaces = false}},
    {"cohere2moe", kTinyAyaExpressions, {.clean_up_spaces = false}},
    {"trillion", kMptExpressions, {.clean_up_spaces = false}},
    {"granite-docling", kMptExpressions, {.clean_up_spaces = false}},
    {"bailingmoe", kBailingmoeExpressions, {.clean_up_spaces = false}},
    {"bailingmoe2", kBailingmoeExpressions, {.clean_up_spaces = false}},
    {"llada-moe", kBailingmoeExpressions, {.clean_up_spaces = false}},
    {"seed-coder", kSeedCoderExpressions, {.clean_up_spaces = false}},
    {"hunyuan", kQwen2Expressions, {.clean_up_spaces = false}},
    {"hunyuan-dense", kDeepseek3LlmExpressions, {.clean_up_spaces = false}},
    {"hy_v4", kDeepseek3LlmExpressions, {.clean_up_spaces = false}},
    {"joyai-llm", kDeepseek3LlmExpressions, {.clean_up_spaces = false}},
    {"ufakzeka", kUfakzekaExpressions, {.clean_up_spaces = false}},
    {"grok-2", kQwen2Expressions, {.clean_up_spaces = false}},
    {"afmoe", kAfmoeExpressions, {.clean_up_spaces = false}},
    {"laguna", kLagunaExpressions, {.clean_up_spaces = false}},
    {"minimax-m2", kGpt4oExpressions, {.clean_up_spaces = false}},
    {"solar-open", kQwen2Expressions, {.clean_up_spaces = false}},
    {"mellum2", kStarcoderExpressions},
};

/// The names of ways that others share, which are written for all of them.
constexpr auto kLeading = std::to_array<std::string_view>(
    {"llama-bpe", "dbrx", "gpt-2", "starcoder", "smollm", "qwen2", "deepseek-v3", "gpt-4o", "bailingmoe"});

}  // namespace

std::span<const LlamaPreTokenizer> llama_pre_tokenizers() { return kLlamaPreTokenizers; }

const LlamaPreTokenizer* find_llama_pre_tokenizer(std::string_view name) {
  for (const LlamaPreTokenizer& known : kLlamaPreTokenizers) {
    if (known.name == (name.empty() ? std::string_view("default") : name)) return &known;
  }
  return nullptr;
}

JsonValue pre_tokenizer_json(const LlamaPreTokenizer& cuts) {
  JsonValue::Array steps;
  for (const std::string_view expression : cuts.expressions) steps.push_back(json_split(expression));
  if (!cuts.flags.characters) {
    JsonValue bytes = json_step("ByteLevel");
    bytes.set("add_prefix_space", false).set("trim_offsets", true).set("use_regex", false);
    steps.push_back(std::move(bytes));
  }
  return json_sequence("pretokenizers", std::move(steps));
}

const LlamaPreTokenizer* find_llama_pre_tokenizer(const JsonValue& pre_tokenizer, bool ignores_merges, bool cleans_up) {
  const std::string wanted = pre_tokenizer.dump();
  const LlamaPreTokenizer* best = nullptr;
  int best_rank = -1;
  for (const LlamaPreTokenizer& each : kLlamaPreTokenizers) {
    if (each.flags.characters || each.flags.ignore_merges != ignores_merges || pre_tokenizer_json(each).dump() != wanted)
      continue;
    const bool leads = std::find(kLeading.begin(), kLeading.end(), each.name) != kLeading.end();
    const int rank = (each.flags.clean_up_spaces == cleans_up ? 2 : 0) + (leads ? 1 : 0);
    if (rank > best_rank) best = &each;
    best_rank = std::max(best_rank, rank);
  }
  return best;
}

}  // namespace lm
