#include "base/file_use.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/decompress.h"
#include "base/error.h"
#include "base/path.h"
#include "base/shell_word.h"

namespace lm {

namespace {

using enum FileKind;

struct UseFact {
  FileUse use;
  std::string_view name;    // after "as"
  std::string_view advice;  // for kinds that have no better one
};
constexpr std::string_view kBytesAsTheyAre = "--binary takes its bytes as they are";
constexpr std::array<UseFact, kFileUses> kUses = {{
    {FileUse::model, "a model",
     "a model is a file that lm-train wrote, a folder with config.json and model.safetensors, or a GGUF file"},
    {FileUse::tokenizer, "a tokenizer",
     "a tokenizer is a tokenizer.json, a model that holds one, the folder of a model from elsewhere, or a file of "
     "SentencePiece, tiktoken or GGUF"},
    {FileUse::tokens, "tokens", "tok-encode -t TOKENIZER makes a token stream of text"},
    {FileUse::llmc_tokens, "tokens of llm.c",
     "such a file begins with llm.c's header; for another format see --from and --format"},
    {FileUse::raw_tokens, "raw token ids",
     "raw ids are bare numbers of 2 or 4 bytes; for other formats see --from and --format"},
    {FileUse::ids, "token ids", "ids are decimal numbers, a line for each document"},
    {FileUse::state, "a training state", "a state is what lm-train keeps beside its model, by default as MODEL.state"},
    {FileUse::text, "text", kBytesAsTheyAre},
    {FileUse::scored, "text or tokens", kBytesAsTheyAre},
    {FileUse::config, "a configuration", "a configuration is a TOML file of options, as --dump-config prints it"},
    {FileUse::counts, "counts", "tok-train --dump-counts makes them of text"},
}};

constexpr bool uses_are_in_order() {
  for (std::size_t i = 0; i < kFileUses; ++i) {
    if (static_cast<std::size_t>(kUses[i].use) != i) return false;
  }
  return true;
}
static_assert(uses_are_in_order());

/// Said of several kinds or pairs.
constexpr std::string_view kDownload =
    "if the model of that name on the Hugging Face hub is meant: nothing is downloaded here; download its folder, and give "
    "the path to that";
constexpr std::string_view kAsJsonLines =
    "write its texts as JSON lines with another program, and read those with --documents jsonl:FIELD";
constexpr std::string_view kAsSafetensors =
    "this version reads safetensors: load it with its own program, and save it as safetensors";
constexpr std::string_view kWholeFolder = "give the folder that it is in, with all of the model's files";
constexpr std::string_view kMerged =
    "merge the adapter into its base model first (peft's merge_and_unload()), and give the folder of the result";
constexpr std::string_view kTokenizerBeside =
    "give the folder that it is in, with tokenizer.json, or the tokenizer.json itself";
constexpr std::string_view kNoRun =
    "there is no run to resume; leave --resume out to start one (--resume auto does as is needed)";
constexpr std::string_view kTrainFurther = "to train a model further, give it with --init-from, without --resume";
constexpr std::string_view kOneModel = "one model is scored, which comes first; run the program again for another";
constexpr std::string_view kNameTexts = "name its files, such as PATH/*.txt";

struct KindAdvice {
  FileKind kind;
  std::string_view advice;  // PATH stands for its name
};

/// What to do about a kind, whatever it was to be.
constexpr std::array<KindAdvice, 8> kForAny = {{
    {gzip, "unpack it first, as in: zcat PATH | ... -"},
    {zstd, "unpack it first, as in: zstdcat PATH | ... -"},
    {xz, "unpack it first, as in: xzcat PATH | ... -"},
    {bzip2, "unpack it first, as in: bzcat PATH | ... -"},
    {lz4, "unpack it first, as in: lz4cat PATH | ... -"},
    {zip, "unpack it first (unzip), and name the files that were in it"},
    {seven_zip, "unpack it first (7z x), and name the files that were in it"},
    {tar, "unpack it first (tar -xf), and name the files that were in it"},
}};

/// As a text.
constexpr std::array<KindAdvice, 8> kForTexts = {{
    {parquet, kAsJsonLines},
    {arrow, kAsJsonLines},
    {hdf5, kAsJsonLines},
    {sqlite, kAsJsonLines},
    {numpy,
     "if it holds token ids, write them without a header (numpy's tofile), and read those with tok-encode --from raw"},
    {pdf, "take the text out of it first (pdftotext)"},
    {utf16, "turn it into UTF-8 first: iconv -f UTF-16 -t UTF-8 PATH"},
    {utf32, "turn it into UTF-8 first: iconv -f UTF-32 -t UTF-8 PATH"},
}};

/// As a model.
constexpr std::array<KindAdvice, 15> kForModels = {{
    {hub_name, kDownload},
    {pytorch, kAsSafetensors},
    {pickle, kAsSafetensors},
    {pytorch_folder,
     "this version reads safetensors: load it in transformers, and save_pretrained() writes model.safetensors"},
    {llmc_model, "this version reads safetensors: convert it to a Hugging Face folder with llm.c's export_hf.py"},
    {shard, kWholeFolder},
    {shard_index, kWholeFolder},
    {adapter, kMerged},
    {adapter_config, kMerged},
    {adapter_folder, kMerged},
    {model_config, "give the folder that it is in, with model.safetensors and tokenizer.json"},
    {tokenizer_config, "give the folder that it is in, with config.json and model.safetensors"},
    {vocabulary, "it belongs to a tokenizer; give the folder of a model, with config.json and model.safetensors"},
    {merges, "it belongs to a tokenizer; give the folder of a model, with config.json and model.safetensors"},
}};

/// As a tokenizer.
constexpr std::array<KindAdvice, 6> kForTokenizers = {{
    {hub_name, kDownload},
    {tokenizer_config, kTokenizerBeside},
    {vocabulary, "give the folder that it is in, with merges.txt"},
    {merges, "give the folder that it is in, with vocab.json"},
    {adapter, kTokenizerBeside},
    {llmc_model, "its tokenizer is not in it: give a tokenizer.json"},
}};

std::span<const KindAdvice> advice_for(FileUse use) {
  switch (use) {
    case FileUse::model:
      return kForModels;
    case FileUse::tokenizer:
      return kForTokenizers;
    case FileUse::text:
    case FileUse::scored:
      return kForTexts;
    default:
      return {};
  }
}

struct PairAdvice {
  FileUse use;
  FileKind kind;
  std::string_view advice;
};

/// What to do about a kind if another is expected; goes before the other advice.
constexpr std::array<PairAdvice, 53> kPairs = {{
    {FileUse::model, tokens, "give it after the model, as in lm-eval-ppl MODEL PATH; lm-train makes a model of it"},
    {FileUse::model, llmc_tokens, "tok-encode --from llmc makes a token stream of it, and lm-train a model of that"},
    {FileUse::model, state,
     "lm-train --resume ends its run and writes the model, SIGUSR1 makes a run write it now; lm-sample reads states"},
    {FileUse::model, text, "the model comes first, and the text after it; lm-train makes a model of tokens"},
    {FileUse::model, tokenizer, "a tokenizer goes with -t, of tok-encode and lm-train; lm-train makes a model"},
    {FileUse::model, tokenizer_folder, "it lacks model.safetensors; as a tokenizer it goes with -t"},
    {FileUse::model, folder, "a model's folder holds config.json and model.safetensors"},
    {FileUse::model, counts, "tok-train --from-counts makes a tokenizer of it, and lm-train a model of tokens"},
    {FileUse::model, toml, "give it as --config PATH; a model is a file that lm-train wrote, or a folder"},
    {FileUse::tokenizer, text, "tok-train makes a tokenizer of text"},
    {FileUse::tokenizer, tokens, "give the tokenizer that it was made with, or the model"},
    {FileUse::tokenizer, other_model, kTokenizerBeside},
    {FileUse::tokenizer, shard, kTokenizerBeside},
    {FileUse::tokenizer, shard_index, kTokenizerBeside},
    {FileUse::tokenizer, pytorch, kTokenizerBeside},
    {FileUse::tokenizer, pickle, kTokenizerBeside},
    {FileUse::tokenizer, model_config, kTokenizerBeside},
    {FileUse::tokenizer, state,
     "give the tokenizer that its run began with, or the model, which lm-train --resume writes at the end, SIGUSR1 now"},
    {FileUse::tokenizer, counts, "tok-train --from-counts PATH makes a tokenizer of it"},
    {FileUse::tokenizer, folder,
     "a tokenizer's folder holds tokenizer.json, tokenizer.model, vocab.json and merges.txt, or vocab.txt"},
    {FileUse::tokens, text, "tok-encode -t TOKENIZER -o TOKENS PATH makes a token stream of it"},
    {FileUse::tokens, json_lines, "tok-encode -t TOKENIZER --documents jsonl -o TOKENS PATH makes a token stream of it"},
    {FileUse::tokens, llmc_tokens, "tok-encode -t TOKENIZER --from llmc -o TOKENS PATH makes a token stream of it"},
    {FileUse::tokens, binary,
     "if it holds raw ids, tok-encode -t TOKENIZER --from raw -o TOKENS PATH makes a token stream of it"},
    {FileUse::tokens, tokenizer, "give it with -t; tok-encode makes a token stream of text"},
    {FileUse::tokens, model,
     "give it with -t, or with --init-from to train it further; tok-encode makes a token stream of text"},
    {FileUse::tokens, model_folder,
     "give it with -t, or with --init-from to train it further; name token files, such as PATH/*.tok"},
    {FileUse::tokens, state, "lm-train --resume continues it; tok-encode makes a token stream of text"},
    {FileUse::tokens, folder, "name its files, such as PATH/*.tok"},
    {FileUse::tokens, tokenizer_folder, "give it with -t; name token files, such as PATH/*.tok"},
    {FileUse::llmc_tokens, tokens, "a token stream needs no --from and no --format"},
    {FileUse::raw_tokens, numpy,
     "write its ids without a header (numpy's tofile), as uint16, or as uint32 if the vocabulary has more than 65536 "
     "tokens"},
    {FileUse::raw_tokens, tokens, "a token stream needs no --from and no --format"},
    {FileUse::raw_tokens, llmc_tokens, "say --from llmc in tok-encode, and --format llmc in tok-decode"},
    {FileUse::ids, tokens, "a token stream needs no --from and no --format"},
    {FileUse::state, model, kTrainFurther},
    {FileUse::state, other_model, "to train a model further, give its folder with --init-from, without --resume"},
    {FileUse::state, model_folder, kTrainFurther},
    {FileUse::state, missing, kNoRun},
    {FileUse::state, hub_name, kNoRun},
    {FileUse::text, tokens, "tok-decode -t TOKENIZER PATH makes text of it"},
    {FileUse::text, llmc_tokens, "say --from llmc in tok-encode; tok-decode --format llmc makes text of it"},
    {FileUse::scored, llmc_tokens, "tok-encode -t MODEL --from llmc PATH makes a token stream of it"},
    {FileUse::text, counts, "tok-train --from-counts PATH reads it"},
    {FileUse::scored, model, kOneModel},
    {FileUse::scored, model_folder, kOneModel},
    {FileUse::text, tokenizer_folder, "a tokenizer goes with -t; of a folder of texts name the files, such as PATH/*.txt"},
    {FileUse::text, folder, kNameTexts},
    {FileUse::text, model_folder,
     "a model is one argument, texts are others; of a folder of texts name the files, such as PATH/*.txt"},
    {FileUse::counts, folder, "name its files, such as PATH/*.counts"},
    {FileUse::counts, text, "leave --from-counts out to train on text; tok-train --dump-counts makes counts of it"},
    {FileUse::config, folder, "name a TOML file in it"},
    {FileUse::config, model_config, "it describes a model's shape; options are read from TOML, as --dump-config prints it"},
}};

/// Folders and shapes of text that have no advice of their own take that of their likes.
FileKind plainer(FileKind kind) {
  switch (kind) {
    case json:
    case json_lines:
    case merges:
    case vocabulary:
    case tokenizer_config:
    case model_config:
    case adapter_config:
    case toml:
      return text;
    default:
      return is_folder(kind) ? folder : kind;
  }
}

/// Anything that is text, whatever wrote it; counts and token streams are recognized by a signature.
bool is_text(FileKind kind) {
  switch (kind) {
    case shard_index:
    case tokenizer:
    case tiktoken:
    case text:
    case empty:
    case binary:  // bytes of no known kind may be texts with NULs between them
      return true;
    default:
      return plainer(kind) == text;
  }
}

/// Returns true if --binary is for it.
bool is_of_bytes(FileUse use) { return use == FileUse::text || use == FileUse::scored; }

std::string_view find_advice(std::span<const KindAdvice> table, FileKind kind) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const KindAdvice& entry) { return entry.kind == kind; });
  return found == table.end() ? std::string_view() : found->advice;
}

std::string_view find_pair(FileUse use, FileKind kind) {
  const auto is_it = [&](const PairAdvice& entry) { return entry.use == use && entry.kind == kind; };
  const auto found = std::find_if(kPairs.begin(), kPairs.end(), is_it);
  if (found != kPairs.end()) return found->advice;
  return use == FileUse::scored ? find_pair(FileUse::text, kind) : std::string_view();
}

/// Returns the first advice that there is: of the pair, of the kind, of the pair with a plainer kind, of the use.
std::string_view advice_of(FileUse use, FileKind kind) {
  for (const std::string_view advice : {find_pair(use, kind), find_advice(advice_for(use), kind), find_advice(kForAny, kind),
                                        find_pair(use, plainer(kind))}) {
    if (!advice.empty()) return advice;
  }
  return kUses[static_cast<std::size_t>(use)].advice;
}

}  // namespace

bool suits(FileUse use, FileKind kind) {
  // What cannot be looked into, or is not there, is the opener's to report.
  if (kind == unknown) return true;
  if (kind == missing) return use != FileUse::state;
  if (kind == hub_name) return use != FileUse::state && use != FileUse::model && use != FileUse::tokenizer;
  switch (use) {
    case FileUse::model:
      return kind == model || kind == other_model || kind == model_folder || kind == gguf;
    case FileUse::tokenizer:
      return kind == tokenizer || kind == tiktoken || kind == sentencepiece || kind == gguf || kind == json ||
             kind == model || (is_folder(kind) && kind != folder);
    case FileUse::tokens:
      return kind == tokens;
    case FileUse::llmc_tokens:
      return kind == llmc_tokens;
    case FileUse::raw_tokens:  // any bytes, but signatures that are longer than chance
      return kind != numpy && kind != parquet && kind != tokens && kind != llmc_tokens;
    case FileUse::ids:
      return is_text(kind);
    case FileUse::state:
      return kind == state;
    case FileUse::text:
      return is_text(kind);
    case FileUse::scored:
      return is_text(kind) || kind == tokens;
    case FileUse::config:
      return kind == toml || kind == text || kind == empty;
    case FileUse::counts:
      return kind == counts;
  }
  return true;
}

void require_kind(FileUse use, FileKind kind, const std::string& name) {
  if (suits(use, kind)) return;
  const std::string advice = with_path(std::string(advice_of(use, kind)), name);
  if (kind == missing || kind == hub_name) throw Error("cannot open '" + name + "': no such file or folder; " + advice);
  const UseFact& fact = kUses[static_cast<std::size_t>(use)];
  const bool bytes = is_of_bytes(use) && !is_folder(kind) && advice != fact.advice;
  throw Error("cannot use '" + name + "' as " + std::string(fact.name) + ": it is " + std::string(file_kind_name(kind)) +
              "; " + advice + (bytes ? "; " + std::string(kBytesAsTheyAre) : ""));
}

bool suits_inside(FileUse use, FileKind content) { return suits(use, content) && content != tokens; }

void require_kind_inside(FileUse use, FileKind packed, FileKind content, const std::string& name) {
  if (suits_inside(use, content)) return;
  const UseFact& fact = kUses[static_cast<std::size_t>(use)];
  const std::string unpacked = with_path(std::string(unpacking_program(packing_of(packed).value())) + " PATH", name);
  std::string advice = use == FileUse::scored && content == tokens
                           ? "unpack it first, as in: " + unpacked + " | ... -"
                           : with_word(std::string(advice_of(use, content)), "<(" + unpacked + ")");
  if (advice == kBytesAsTheyAre) advice = "to take its bytes as they are: " + unpacked + " | ... --binary -";
  throw Error("cannot use '" + name + "' as " + std::string(fact.name) + ": it is " + std::string(file_kind_name(packed)) +
              ", and what it holds is " + std::string(file_kind_name(content)) + "; " + advice);
}

void require_kind(FileUse use, const std::string& path) { require_kind(use, kind_of_path(path), input_name(path)); }

void require_kind_of_bytes(FileUse use, std::string_view head, const std::string& name) {
  require_kind(use, kind_of({.head = head.substr(0, kKindHead), .tail = {}, .size = {}, .name = {}}), name);
}

}  // namespace lm
