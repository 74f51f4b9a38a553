#include "tasks/text_model.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/families.h"
#include "objectives/mixture.h"
#include "tasks/load_tokenizer.h"
#include "train/state_file.h"

namespace lm {
namespace {

TextModel with_tokenizer(LoadedModel model, const TokenizerOptions& options) {
  Tokenizer tokenizer = tokenizer_of(model, options);
  resolve_ends(model.record, tokenizer);
  // What is around every text makes the model useless, or usable, as a whole.
  const ReadableIds readable{.vocab_size = tokenizer.vocab_size(), .uncounted = uncounted_token(model.record.config)};
  for (const std::vector<TokenId>& around : {tokenizer.opening(), tokenizer.closing()})
    require_embedded(around, tokenizer, readable, model.path, "what its tokenizer puts around a text");
  return {.model = std::move(model), .tokenizer = std::move(tokenizer), .end_of_text_given = options.end_of_text};
}

}  // namespace

Tokenizer tokenizer_of(const LoadedModel& model, const TokenizerOptions& options) {
  if (!model.record.tokenizer_json.empty()) return Tokenizer::from_json(model.record.tokenizer_json, model.path, options);
  if (is_model_folder(model.path) || model.record.tokenizer_in_file) return Tokenizer::load(model.path, options);
  throw Error("cannot use '" + model.path +
              "' with text: it holds no tokenizer; use a model that lm-train wrote, or a folder with " +
              "tokenizer.json beside model.safetensors");
}

void resolve_ends(ModelRecord& record, const Tokenizer& tokenizer) {
  for (const std::string& name : std::exchange(record.ends.tokens, {})) {
    const std::optional<TokenId> id = tokenizer.find(name);
    if (id && *id < record.config.vocab_size) {
      add_end(record.ends.ids, *id);
    } else {
      record.notes.push_back("tokenizer_config.json names " + json_quote(name) + " as 'eos_token', which is not in the " +
                             (id ? "model's" : "tokenizer's") + " vocabulary; it is ignored");
    }
  }
}

std::string_view TextModel::bytes_of(TokenId id) const {
  return static_cast<std::int64_t>(id) < tokenizer.vocab_size() ? tokenizer.bytes_of(id) : std::string_view();
}

void TextModel::require_embedded(std::span<const TokenId> ids, std::string_view what) const {
  lm::require_embedded(ids, tokenizer, {config().vocab_size, uncounted_token(config())}, path(), what);
}

std::vector<TokenId> all_ends(const ModelRecord& record, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids = record.ends.ids;
  if (tokenizer.end_of_text() < record.config.vocab_size) add_end(ids, tokenizer.end_of_text());
  return ids;
}

void settle_ends(ModelRecord& record, const Tokenizer& tokenizer) {
  resolve_ends(record, tokenizer);
  record.ends.ids = all_ends(record, tokenizer);
  if (record.ends.ids == std::vector<TokenId>{tokenizer.end_of_text()}) record.ends.ids.clear();
}

std::vector<TokenId> begin_elsewhere(const ModelRecord& record, const Tokenizer& tokenizer) {
  const bool made_here = !record.progress.empty() && record.folder.empty();
  return made_here ? tokenizer.opening() : tokenizer.stated_begin();
}

std::vector<TokenId> TextModel::begin_elsewhere() const { return lm::begin_elsewhere(model.record, tokenizer); }

std::vector<TokenId> TextModel::ends() const { return all_ends(model.record, tokenizer); }

std::vector<std::uint8_t> TextModel::samplable() const {
  std::vector<std::uint8_t> allowed(static_cast<std::size_t>(config().vocab_size), 0);
  const std::int64_t count = std::min(config().vocab_size, tokenizer.vocab_size());
  for (std::int64_t id = 0; id < count; ++id) {
    const auto token = static_cast<TokenId>(id);
    allowed[token] = !tokenizer.is_special(token) && !tokenizer.bytes_of(token).empty() ? 1 : 0;
  }
  for (const TokenId end : ends()) allowed[end] = 1;
  return allowed;
}

std::vector<TokenId> TextModel::closing() const {
  return model.record.objective == "masked" ? tokenizer.closing() : std::vector<TokenId>();
}

std::vector<std::string> TextModel::notes() const {
  std::vector<std::string> notes = model.record.notes;
  if (closing().empty() && !tokenizer.closing_note().empty()) notes.push_back(tokenizer.closing_note());
  notes.insert(notes.end(), tokenizer.notes().begin(), tokenizer.notes().end());
  return notes;
}

std::int64_t TextModel::training_window() const {
  const std::int64_t context = config().context_length;
  if (model.record.progress.empty()) return context;
  const JsonValue progress = JsonValue::parse(model.record.progress, path());
  const JsonValue* settings = progress.find("settings");
  const JsonValue* window = settings == nullptr ? nullptr : settings->find("context");
  if (window == nullptr || window->if_integer() == nullptr || *window->if_integer() < 1) return context;
  return std::min(context, *window->if_integer());
}

TextModel load_text_model(const std::string& path, const TokenizerOptions& options, Matrices matrices) {
  return with_tokenizer(load_model(path, matrices), options);
}

void pack_matrices(Compute& compute, TextModel& model) {
  if (!model.model.matrices) return;
  model.packed = std::make_shared<const DecodingWeights>(compute, std::move(model.model.parameters), *model.model.matrices,
                                                         WeightType::f32);
}

TextModel load_text_model_or_state(const std::string& path, const TokenizerOptions& options, Matrices matrices) {
  if (kind_of_path(path) != FileKind::state) return load_text_model(path, options, matrices);
  const StateFile file = StateFile::open(path);
  const StateRecord& state = file.record();
  if (state.tokenizer_json.empty()) {
    throw Error("cannot sample from the training state '" + path + "': an earlier version wrote it, without a tokenizer; " +
                "resume it with lm-train --resume, whose next state has one");
  }
  ModelRecord record{.config = state.config,
                     .objective = state.objective,
                     .tokenizer_json = state.tokenizer_json,
                     .progress = {},
                     .ends = {.ids = state.ends}};
  return with_tokenizer({.record = std::move(record), .parameters = file.result(), .path = path}, options);
}

bool was_trained_on(const TextModel& model, std::string_view objective) {
  return parse_mixture(model.model.record.objective).trains(objective);
}

void require_left_to_right(const TextModel& model) {
  const std::string& objective = model.model.record.objective;
  if (parse_mixture(objective).predicts_next_token()) return;
  throw Error("cannot use '" + model.path() + "' from left to right: it was trained with the objective '" + objective +
              "', which does not predict the next token");
}

namespace {

/// Adds what lies in a model's file.
void hash_matrices(Hasher& hasher, const TextModel& model) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 20;  // bytes that are read together, at least a row
  std::vector<char> piece;
  const Parameters<float> shapes = Parameters<float>::shapes(model.config());
  for (const TensorSpec& spec : shapes.tensors()) {
    if (spec.rank != 2) continue;
    const StoredRows rows = model.model.matrices->rows_of(spec);
    const GgmlTypeFacts& facts = facts_of(rows.type);
    const std::int64_t row_bytes = facts.bytes_of(spec.columns), most = std::max<std::int64_t>(1, kPiece / row_bytes);
    piece.resize(static_cast<std::size_t>(std::min(most, spec.rows) * row_bytes));
    hasher.update(facts.name.data(), facts.name.size());
    for (std::int64_t first = 0; first < spec.rows; first += most) {
      const std::int64_t count = std::min(most, spec.rows - first);
      rows.read(first, count, piece.data());
      hasher.update(piece.data(), static_cast<std::size_t>(count * row_bytes));
    }
  }
}

}  // namespace

std::string weights_hash(const TextModel& model) {
  Hasher hasher;
  const std::string config = config_to_json(model.config()).dump();
  hasher.update(config.data(), config.size());
  for (const TensorSpec& spec : model.parameters().tensors())
    hasher.update(model.parameters().view(spec).data(), static_cast<std::size_t>(spec.size()) * sizeof(float));
  if (model.model.matrices) hash_matrices(hasher, model);
  return to_hex(hasher.digest128());
}

}  // namespace lm
