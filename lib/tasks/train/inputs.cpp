#include "tasks/train/inputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "data/token_file_bytes.h"
#include "model/families.h"
#include "tasks/folder_record.h"
#include "tasks/load_tokenizer.h"
#include "tasks/text_model.h"
#include "tasks/train/dealt_tokens.h"
#include "tasks/train/examples.h"
#include "tasks/train/rank_facts.h"
#include "tasks/train/resolve.h"
#include "tasks/train/verified_files.h"
#include "train/ranks/together.h"

namespace lm {

namespace {

void check_destinations(const TrainRequest& request) {
  if (request.rank > 0) return;
  if (!request.output.empty()) check_model_destination(request.output);
  if (!request.state.empty()) check_output(request.state);
}

std::string tokenizer_path(const TrainRequest& request) {
  return request.tokenizer.empty() ? request.init_from : request.tokenizer;
}

/// Returns the tokenizer that the initial model has, if another one is named and there is one.
std::optional<Tokenizer> replaced_tokenizer(const TrainRequest& request, const LoadedModel& initial) {
  if (request.tokenizer.empty() || request.tokenizer == request.init_from) return std::nullopt;
  if (initial.record.ends.ids.empty() && initial.record.folder.empty()) return std::nullopt;  // nothing depends on it
  try {
    return tokenizer_of(initial, {});  // what was loaded: a pipe cannot be read twice
  } catch (const Error&) {
    return std::nullopt;  // it has none, so that this one must be meant
  }
}

/// Leaves out those ends of the initial model that the tokenizer spells differently from the model's own, whose ids they
/// are.
void keep_same_ends(std::vector<TokenId>& ends, const Tokenizer& own, const Tokenizer& tokenizer) {
  const auto spelling = [](const Tokenizer& one, TokenId id) {
    return id < one.vocab_size() ? one.bytes_of(id) : std::string_view();
  };
  std::erase_if(ends, [&](TokenId id) { return spelling(own, id) != spelling(tokenizer, id); });
}

/// Takes from the initial model what ends its texts, nothing if that is only end-of-text, and what its folder held.
void take_record(TrainInputs& inputs, const TrainRequest& request) {
  ModelRecord& record = inputs.initial->record;
  const std::optional<Tokenizer> own = replaced_tokenizer(request, *inputs.initial);
  if (own) keep_same_ends(record.ends.ids, *own, inputs.tokenizer);
  settle_ends(record, inputs.tokenizer);
  inputs.ends = record.ends.ids;
  inputs.folder = std::move(record.folder);
  if (own && own->fingerprint() != inputs.tokenizer.fingerprint()) replace_tokenizer(inputs.folder, inputs.tokenizer);
}

/// Throws Error if a run cannot have this tokenizer, whose file is `path`, and notes if it is unlikely to be meant.
void check_tokenizer(const TrainRequest& request, const std::string& path, TrainInputs& inputs) {
  // Before data is read; the rest of it is compared once there is a plan.
  if (!request.fingerprint.empty() && request.fingerprint != to_hex(inputs.tokenizer.fingerprint()))
    refuse_other_input(request.state, "the tokenizer");
  // Models often have rows that their tokenizer does not use, but another tokenizer is more likely a mistake.
  if (inputs.initial && path != request.init_from && inputs.vocab_size != inputs.tokenizer.vocab_size()) {
    inputs.notes.push_back("the tokenizer '" + path + "' has " + std::to_string(inputs.tokenizer.vocab_size()) +
                           " tokens, the model '" + inputs.model + "' " + std::to_string(inputs.vocab_size) +
                           "; is it the model's own?");
  }
  // What precedes the data, and pads it, whatever it holds.
  const std::string what = "the tokenizer '" + path + "'";
  require_embedded(inputs.tokenizer.opening(), inputs, what);
  require_embedded(std::array{inputs.tokenizer.end_of_text()}, inputs, what);
}

/// Opens the tokenizer and the initial model, without any data yet.
TrainInputs open_tokenizer_and_model(const TrainRequest& request) {
  std::optional<LoadedModel> initial;
  if (!request.init_from.empty()) initial = load_model(request.init_from);
  const std::string path = tokenizer_path(request);
  TrainInputs inputs{.tokenizer = load_tokenizer(path, request.tokenizer_options),
                     .initial = std::move(initial),
                     .ends = {},
                     .folder = {},
                     .model = request.init_from,
                     .vocab_size = 0,
                     .uncounted = {},
                     .files = {},
                     .corpus = {},
                     .stream = {},
                     .valid_files = {},
                     .valid = {},
                     .notes = {}};
  // The model will carry it: before hours of work.
  if (!request.output.empty()) inputs.tokenizer.check_read_back(inputs.tokenizer.to_json(), request.output);
  if (inputs.initial) take_record(inputs, request);
  if (inputs.initial) {
    inputs.notes = inputs.initial->record.notes;
    for (const std::string& note : inputs.initial->record.left_out)
      inputs.notes.push_back("'" + request.init_from + "': " + note);
  }
  if (const std::string& note = inputs.tokenizer.closing_note(); !note.empty())
    inputs.notes.push_back("'" + path + "': " + note);
  for (const std::string& note : inputs.tokenizer.notes()) inputs.notes.push_back("'" + path + "': " + note);
  inputs.vocab_size =
      inputs.initial ? inputs.initial->record.config.vocab_size : request.vocab_size.value_or(inputs.tokenizer.vocab_size());
  inputs.uncounted = inputs.initial ? uncounted_token(inputs.initial->record.config) : request.uncounted;
  if (request.vocab_size) inputs.model = request.state;
  check_tokenizer(request, path, inputs);
  return inputs;
}

/// Throws Error for settings that no data can put right.
void check_shape(const TrainRequest& request, const TrainInputs& inputs) {
  TrainSettings settings = request.settings;
  const ModelConfig* initial = inputs.initial ? &inputs.initial->record.config : nullptr;
  resolve_model(settings.model, inputs.vocab_size, initial, request.named);
  check_step_size(settings);
  if (settings.one_pass) stream_objective(settings, inputs);
}

void check_one_pass(const TrainRequest& request) {
  const TrainBudget& budget = request.budget;
  const TrainSettings& settings = request.settings;
  if (!settings.one_pass) return;
  if (budget.epochs) throw SettingsError("--one-pass makes one pass; leave --epochs out");
  if (!budget.empty() && settings.trainer.schedule.kind != ScheduleKind::constant && !budget.steps && !budget.tokens) {
    throw SettingsError("--one-pass with a schedule that decays needs --steps or --tokens");
  }
  if (request.tokens.size() != 1)
    throw SettingsError("--one-pass reads one stream, got " + std::to_string(request.tokens.size()));
}

void check_held_out(const TrainRequest& request) {
  const TrainSettings& settings = request.settings;
  const bool part = settings.valid_fraction > 0;
  if (!request.valid.empty() && part) throw SettingsError("--valid and --valid-fraction both name held-out data; give one");
  const bool needed = settings.trainer.keep == KeepWeights::best || settings.trainer.patience > 0;
  if (request.valid.empty() && !part && needed)
    throw SettingsError("--keep best and --patience need held-out data; give --valid or --valid-fraction");
}

/// Throws Error if a file's documents begin with other tokens than the tokenizer's: the first one shows it.
void check_begin(const TokenFile& file, const Tokenizer& tokenizer) {
  const std::int64_t count = std::min(file.size(), std::ssize(tokenizer.begin_tokens()));
  std::vector<TokenId> first(static_cast<std::size_t>(count));
  file.tokens(0, first);
  BeginTokens(tokenizer, file.info(), file.name()).strip(first);
}

/// Returns what two ranks must have in common of a file, of which no more than header and trailer are read.
std::string identity_of(const TokenFile& file) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx", static_cast<unsigned long long>(file.hash()));
  const TokenFileInfo& info = file.info();
  return std::string(hash.data()) + ", " + std::to_string(file.size()) + " tokens of " + std::to_string(info.vocab_size) +
         ", end of text " + std::to_string(info.end_of_text) + (info.begins ? ", begins" : "");
}

/// Reads a file for ids that the model does not read, if its tokenizer has such: before hours of work.
void check_embedded(const TokenFile& file, const TrainInputs& inputs) {
  if (inputs.tokenizer.vocab_size() <= inputs.vocab_size && !inputs.uncounted) return;
  constexpr std::int64_t kPiece = std::int64_t{1} << 16;
  std::vector<TokenId> piece(static_cast<std::size_t>(std::min(kPiece, file.size())));
  for (std::int64_t first = 0; first < file.size(); first += kPiece) {
    const auto tokens = std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, file.size() - first)));
    file.tokens(first, tokens);
    require_embedded(tokens, inputs, "'" + file.name() + "'");
  }
}

/// Reads a token file whole: throws Error unless it has what its trailer says, and no id that the model lacks.
void verify_tokens(TokenFile& file, TrainInputs& inputs) {
  file.verify();
  check_begin(file, inputs.tokenizer);
  check_embedded(file, inputs);
  if (file.size() > 0 && file.documents() == file.size()) inputs.notes.push_back(only_end_of_text(file.name()));
}

/// Opens a token file that was made with the inputs' tokenizer, is whole, and holds no id that the model lacks. `what` names it
/// in the message that a rank has another one.
TokenFile open_tokens(const std::string& path, const TrainRequest& request, TrainInputs& inputs, const char* what) {
  OneRank one_rank;
  Ranks& ranks = inputs.ranks != nullptr ? *inputs.ranks : one_rank;
  DealtTokens dealt = open_dealt(ranks, path, request.spool_folder);
  TokenFile& file = dealt.file;
  together(ranks, [&] { require_same_tokenizer(inputs.tokenizer, file.info(), file.name()); });
  require_same_facts(ranks, {{what, identity_of(file)}});
  const bool verifies = dealt.shared ? is_to_verify(ranks, path) : ranks.rank() == 0;
  together(ranks, [&] {
    if (verifies) verify_tokens(file, inputs);
  });
  return std::move(file);
}

std::int64_t documents_of(std::span<const TokenFile> files) {
  std::int64_t documents = 0;
  for (const TokenFile& file : files) documents += file.info().documents.value_or(0);
  return documents;
}

void open_corpus(const TrainRequest& request, TrainInputs& inputs) {
  for (const std::string& path : request.tokens) inputs.files.push_back(open_tokens(path, request, inputs, "training data"));
  inputs.corpus.emplace(std::span<const TokenFile>(inputs.files));
  if (inputs.corpus->size() == 0) throw Error("cannot train on '" + inputs.files.front().name() + "': it holds no token");
  const double fraction = request.settings.valid_fraction;
  if (fraction == 0) return;
  OneRank one_rank;
  const HeldOut held_out =
      together(inputs.ranks != nullptr ? *inputs.ranks : one_rank, [&] { return hold_out(inputs.files, fraction); });
  inputs.corpus = held_out.train;
  inputs.valid = held_out.valid;
  inputs.valid_documents = static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(documents_of(inputs.files))));
}

void open_stream(const TrainRequest& request, TrainInputs& inputs) {
  if (request.rank > 0) return;
  const std::string& path = request.tokens.front();
  require_token_stream(path);
  inputs.stream = std::make_unique<TokenReader>(open_input(path));
  require_same_tokenizer(inputs.tokenizer, inputs.stream->info(), inputs.stream->name());
}

void open_validation(const TrainRequest& request, TrainInputs& inputs) {
  if (request.valid.empty()) return;
  inputs.valid_files.push_back(open_tokens(request.valid, request, inputs, "held-out data"));
  inputs.valid.emplace(std::span<const TokenFile>(inputs.valid_files));
  inputs.valid_documents = documents_of(inputs.valid_files);
  if (inputs.valid->size() == 0) throw Error("cannot validate on '" + request.valid + "': it holds no token");
}

/// Returns what two ranks must have in common before they read data: tokenizer and initial model.
RankFacts facts_of_model(const TrainInputs& inputs) {
  RankFacts facts = {{"a tokenizer", to_hex(inputs.tokenizer.fingerprint())},
                     {"a tokenizer's file", hash_of_text(inputs.tokenizer.to_json())}};
  if (!inputs.initial) return facts;
  add_members(facts, "a model's", config_to_json(inputs.initial->record.config));
  const TensorView<float> weights = inputs.initial->parameters.flat();
  facts.emplace_back("a model to begin with",
                     "weights " + hash_of_numbers({weights.data(), static_cast<std::size_t>(weights.size())}));
  return facts;
}

}  // namespace

TrainInputs open_inputs(const TrainRequest& request, Ranks* ranks) {
  OneRank one_rank;
  Ranks& all = ranks != nullptr ? *ranks : one_rank;
  TrainInputs inputs = together(all, [&] { return open_tokenizer_and_model(request); });
  inputs.ranks = ranks;
  if (all.size() > 1) require_same_facts(all, facts_of_model(inputs));
  together(all, [&] {
    check_one_pass(request);
    check_shape(request, inputs);
    check_held_out(request);
    check_destinations(request);
  });
  if (request.settings.one_pass) {
    open_stream(request, inputs);
  } else {
    open_corpus(request, inputs);
  }
  open_validation(request, inputs);
  return inputs;
}

void refuse_other_input(const std::string& state, const std::string& what) {
  throw Error("cannot resume '" + state + "': " + what +
              " differs from the one it began with; give the same or start a new run");
}

void require_embedded(std::span<const TokenId> ids, const TrainInputs& inputs, const std::string& what) {
  require_embedded(ids, inputs.tokenizer, {inputs.vocab_size, inputs.uncounted}, inputs.model, what);
}

std::string data_identity(const TrainInputs& inputs) { return inputs.corpus ? to_hex(inputs.corpus->identity()) : "stream"; }

std::string valid_identity(const TrainInputs& inputs) { return inputs.valid ? to_hex(inputs.valid->identity()) : ""; }

std::string only_end_of_text(const std::string& name) {
  return "'" + name + "' holds nothing but end-of-text; was its text empty?";
}

}  // namespace lm
