#include "tasks/train/inputs.h"

#include <cmath>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "data/token_file_bytes.h"
#include "tasks/folder_record.h"
#include "tasks/load_tokenizer.h"
#include "tasks/text_model.h"
#include "tasks/train/examples.h"
#include "tasks/train/resolve.h"

namespace lm {

namespace {

void check_destinations(const TrainRequest& request) {
  if (!request.output.empty()) check_model_destination(request.output);
  if (!request.state.empty()) check_output(request.state);
}

std::string tokenizer_path(const TrainRequest& request) {
  return request.tokenizer.empty() ? request.init_from : request.tokenizer;
}

/// Throws Error unless the tokenizer, whose file is `path`, has as many tokens as the model.
void require_vocabulary(const Tokenizer& tokenizer, std::int64_t vocab_size, const std::string& path) {
  if (vocab_size == tokenizer.vocab_size()) return;
  throw Error("cannot use tokenizer '" + path + "': it has " + std::to_string(tokenizer.vocab_size()) +
              " tokens, the model expects " + std::to_string(vocab_size));
}

/// Returns the tokenizer that the initial model has, if another one is named and there is one.
std::optional<Tokenizer> replaced_tokenizer(const TrainRequest& request) {
  if (request.tokenizer.empty() || request.tokenizer == request.init_from) return std::nullopt;
  try {
    return load_tokenizer(request.init_from);
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
  const std::optional<Tokenizer> own = replaced_tokenizer(request);
  if (own) keep_same_ends(record.ends.ids, *own, inputs.tokenizer);
  settle_ends(record, inputs.tokenizer);
  inputs.ends = record.ends.ids;
  inputs.folder = std::move(record.folder);
  if (own && own->fingerprint() != inputs.tokenizer.fingerprint()) replace_tokenizer(inputs.folder, inputs.tokenizer);
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
                     .files = {},
                     .corpus = {},
                     .stream = {},
                     .valid_files = {},
                     .valid = {},
                     .notes = {}};
  // The model will carry it: before hours of work.
  if (!request.output.empty()) inputs.tokenizer.check_read_back(inputs.tokenizer.to_json(), request.output);
  if (inputs.initial) take_record(inputs, request);
  if (inputs.initial) inputs.notes = inputs.initial->record.notes;
  for (const std::string& note : inputs.tokenizer.notes()) inputs.notes.push_back("'" + path + "': " + note);
  if (inputs.initial) require_vocabulary(inputs.tokenizer, inputs.initial->record.config.vocab_size, path);
  if (request.vocab_size) require_vocabulary(inputs.tokenizer, *request.vocab_size, path);
  return inputs;
}

/// Throws Error for settings that no data can put right.
void check_shape(const TrainRequest& request, const TrainInputs& inputs) {
  TrainSettings settings = request.settings;
  const ModelConfig* initial = inputs.initial ? &inputs.initial->record.config : nullptr;
  resolve_model(settings.model, inputs.tokenizer.vocab_size(), initial, request.named);
  check_step_size(settings);
  if (settings.one_pass) stream_objective(settings, inputs.tokenizer);
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

/// Opens a token file that was made with the inputs' tokenizer, and is whole.
TokenFile open_tokens(const std::string& path, const TrainRequest& request, TrainInputs& inputs) {
  TokenFile file = TokenFile::open(path, request.spool_folder);
  require_same_tokenizer(inputs.tokenizer, file.info(), file.name());
  file.verify();
  check_begin(file, inputs.tokenizer);
  if (file.size() > 0 && file.documents() == file.size()) inputs.notes.push_back(only_end_of_text(file.name()));
  return file;
}

std::int64_t documents_of(std::span<const TokenFile> files) {
  std::int64_t documents = 0;
  for (const TokenFile& file : files) documents += file.info().documents.value_or(0);
  return documents;
}

void open_corpus(const TrainRequest& request, TrainInputs& inputs) {
  for (const std::string& path : request.tokens) inputs.files.push_back(open_tokens(path, request, inputs));
  inputs.corpus.emplace(std::span<const TokenFile>(inputs.files));
  if (inputs.corpus->size() == 0) throw Error("cannot train on '" + inputs.files.front().name() + "': it holds no token");
  const double fraction = request.settings.valid_fraction;
  if (fraction == 0) return;
  const HeldOut held_out = hold_out(inputs.files, fraction);
  inputs.corpus = held_out.train;
  inputs.valid = held_out.valid;
  inputs.valid_documents = static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(documents_of(inputs.files))));
}

void open_stream(const TrainRequest& request, TrainInputs& inputs) {
  const std::string& path = request.tokens.front();
  require_token_stream(path);
  inputs.stream = std::make_unique<TokenReader>(open_input(path));
  require_same_tokenizer(inputs.tokenizer, inputs.stream->info(), inputs.stream->name());
}

void open_validation(const TrainRequest& request, TrainInputs& inputs) {
  if (request.valid.empty()) return;
  inputs.valid_files.push_back(open_tokens(request.valid, request, inputs));
  inputs.valid.emplace(std::span<const TokenFile>(inputs.valid_files));
  inputs.valid_documents = documents_of(inputs.valid_files);
  if (inputs.valid->size() == 0) throw Error("cannot validate on '" + request.valid + "': it holds no token");
}

}  // namespace

TrainInputs open_inputs(const TrainRequest& request) {
  TrainInputs inputs = open_tokenizer_and_model(request);
  check_one_pass(request);
  check_shape(request, inputs);
  check_held_out(request);
  check_destinations(request);
  if (request.settings.one_pass) {
    open_stream(request, inputs);
  } else {
    open_corpus(request, inputs);
  }
  open_validation(request, inputs);
  return inputs;
}

std::string data_identity(const TrainInputs& inputs) { return inputs.corpus ? to_hex(inputs.corpus->identity()) : "stream"; }

std::string valid_identity(const TrainInputs& inputs) { return inputs.valid ? to_hex(inputs.valid->identity()) : ""; }

std::string only_end_of_text(const std::string& name) {
  return "'" + name + "' holds nothing but end-of-text; was its text empty?";
}

}  // namespace lm
