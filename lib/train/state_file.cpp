#include "train/state_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/error.h"
#include "base/file_use.h"
#include "base/json.h"
#include "model/files/checkpoint.h"
#include "model/files/model_tensors.h"

namespace lm {

namespace {

constexpr const char* kFirstMoment = "train.first_moment.";
constexpr const char* kSecondMoment = "train.second_moment.";
constexpr const char* kAverage = "train.average.";
constexpr const char* kBest = "train.best.";

struct IntegerField {
  const char* name;
  std::int64_t TrainState::*member;
};
struct OptionalField {
  const char* name;
  std::optional<double> TrainState::*member;
};
constexpr std::array<IntegerField, 8> kIntegers = {{{"step", &TrainState::step},
                                                    {"tokens", &TrainState::tokens},
                                                    {"passes", &TrainState::passes},
                                                    {"optimizer_steps", &TrainState::optimizer_steps},
                                                    {"skipped_steps", &TrainState::skipped_steps},
                                                    {"hold_steps", &TrainState::hold_steps},
                                                    {"best_step", &TrainState::best_step},
                                                    {"validations_without_best", &TrainState::validations_without_best}}};
constexpr std::array<OptionalField, 3> kOptionals = {{{"last_validation", &TrainState::last_validation},
                                                      {"last_bits_per_byte", &TrainState::last_bits_per_byte},
                                                      {"best_validation", &TrainState::best_validation}}};

JsonValue state_to_json(const TrainState& state) {
  JsonValue json;
  for (const IntegerField& field : kIntegers) json.set(field.name, state.*field.member);
  for (const OptionalField& field : kOptionals)
    json.set(field.name, state.*field.member ? JsonValue(*(state.*field.member)) : JsonValue());
  JsonValue::Array positions;
  for (const DataPosition& position : state.position.objectives) {
    positions.push_back(JsonValue().set("epoch", position.epoch).set("window", position.index));
  }
  json.set("positions", std::move(positions)).set("drawn", state.position.drawn);
  json.set("untransformed", state.counts.untransformed).set("token_cuts", state.counts.token_cuts);
  json.set("elapsed_seconds", state.elapsed_seconds).set("last_loss", state.last_loss).set("consumed", state.consumed);
  if (state.validation_pending) json.set("validation_pending", true);
  json.set("total_steps", state.total_steps ? JsonValue(*state.total_steps) : JsonValue());
  if (state.noise.steps > 0) {
    const NoiseAverage& noise = state.noise;
    json.set("noise_steps", noise.steps).set("noise", noise.mean.noise).set("noise_signal", noise.mean.signal);
  }
  return json;
}

SourcePosition position_from_json(const JsonValue& json, const std::string& source) {
  const JsonValue* positions = json.find("positions");
  if (positions == nullptr || positions->if_array() == nullptr)
    throw Error("no 'positions' in the training state '" + source + "'");
  SourcePosition position{.objectives = {}, .drawn = json.integer_at("drawn", source)};
  for (const JsonValue& item : *positions->if_array()) {
    position.objectives.push_back({.epoch = item.integer_at("epoch", source), .index = item.integer_at("window", source)});
    if (position.objectives.back().epoch < 0 || position.objectives.back().index < 0) {
      throw Error("impossible data position in the training state '" + source + "'");
    }
  }
  return position;
}

TrainState state_from_json(const JsonValue& json, const std::string& source) {
  TrainState state;
  for (const IntegerField& field : kIntegers) state.*field.member = json.integer_at(field.name, source);
  for (const OptionalField& field : kOptionals) {
    const JsonValue* value = json.find(field.name);
    if (value != nullptr && !value->is_null()) state.*field.member = json.number_at(field.name, source);
  }
  state.position = position_from_json(json, source);
  state.counts = {.untransformed = json.integer_at("untransformed", source),
                  .token_cuts = json.integer_at("token_cuts", source)};
  state.elapsed_seconds = json.number_at("elapsed_seconds", source);
  state.last_loss = json.number_at("last_loss", source);
  state.consumed = json.string_at("consumed", source);
  if (json.find("validation_pending") != nullptr) state.validation_pending = json.boolean_at("validation_pending", source);
  const JsonValue* total = json.find("total_steps");
  if (total != nullptr && !total->is_null()) state.total_steps = json.integer_at("total_steps", source);
  if (json.find("noise_steps") != nullptr) {
    state.noise = {.steps = json.integer_at("noise_steps", source),
                   .mean = {.noise = json.number_at("noise", source), .signal = json.number_at("noise_signal", source)}};
    if (state.noise.steps < 1) throw Error("impossible 'noise_steps' in the training state '" + source + "'");
  }
  for (const IntegerField& field : kIntegers) {
    if (state.*field.member < 0)
      throw Error(std::string("impossible '") + field.name + "' in the training state '" + source + "'");
  }
  return state;
}

}  // namespace

namespace {

/// Adds the tensors that have a moment, which are read from the ranks that hold them.
void add_moment_sources(std::vector<TensorSource>& sources, const Trainer& trainer, const MomentDesk::Reading& reading,
                        Moment which, const std::string& prefix) {
  constexpr std::int64_t kPiece = std::int64_t{1} << 18;
  const std::vector<TensorSpec>& specs = trainer.weights().tensors();
  for (std::size_t tensor = 0; tensor < specs.size(); ++tensor) {
    const TensorSpec& spec = specs[tensor];
    if (!has_moment(trainer.optimizer().shards().units_of(tensor).front(), which)) continue;
    // In the order of memory a piece at a time will do; another order needs the whole tensor.
    const std::int64_t at_once = spec.order == DiskOrder::rows ? std::min(kPiece, spec.size()) : spec.size();
    const auto produce = [&reading, &spec, which, tensor, at_once](const TensorSource::Sink& sink) {
      std::vector<float> values(static_cast<std::size_t>(at_once));
      for (std::int64_t first = 0; first < spec.size(); first += at_once) {
        const auto piece = std::span(values).first(static_cast<std::size_t>(std::min(at_once, spec.size() - first)));
        reading.read(which, tensor, first, piece);
        if (spec.order == DiskOrder::rows) {
          sink(piece.data(), piece.size_bytes());
        } else {
          produce_tensor(spec, piece.data(), sink);
        }
      }
    };
    sources.push_back({.name = prefix + spec.name, .shape = shape_on_disk(spec), .bytes = {}, .produce = produce});
  }
}

/// Fills a shard's part of the moments, of which it reads no more than it must.
void read_moment(MomentShard& moment, const std::vector<TensorSpec>& specs, const SafetensorsFile& file,
                 const std::string& prefix) {
  for (std::size_t tensor = 0; tensor < specs.size(); ++tensor) {
    const TensorSpec& spec = specs[tensor];
    const auto [first, size] = moment.range(tensor);
    if (size == 0) continue;
    const TensorView<float> part = moment.part(tensor, first, size);
    const FoundTensor found{.file = &file, .entry = file.find(prefix + spec.name)};
    if (spec.order != DiskOrder::rows || size == spec.size()) {
      std::vector<float> whole(static_cast<std::size_t>(spec.size()));
      read_tensor(found, spec, prefix + spec.name, file.name(), {whole.data(), spec.size()});
      std::copy_n(whole.begin() + first, size, part.data());
      continue;
    }
    check_tensor(found, spec, prefix + spec.name, file.name());
    const std::span<float> values(part.data(), static_cast<std::size_t>(size));
    file.read_floats(*found.entry, first, values);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
      throw Error("tensor '" + prefix + spec.name + "' in '" + file.name() + "' holds numbers that are not finite");
  }
}

}  // namespace

void save_state(const std::string& path, const StateRecord& record, Trainer& trainer) {
  const MomentDesk::Reading reading(trainer.moment_desk(), trainer.moments_finite());
  trainer.check_finite(reading.all_finite());
  SafetensorsMetadata metadata = model_metadata({.config = record.config,
                                                 .objective = record.objective,
                                                 .tokenizer_json = {},
                                                 .progress = {},
                                                 .ends = {.ids = record.ends}});
  metadata["train.settings"] = record.settings;
  // Their names come after that by which a state is recognized, so that large ones do not hide it.
  if (!record.folder.empty()) metadata["train.source"] = folder_texts_to_json(record.folder);
  if (!record.tokenizer_json.empty()) metadata["train.tokenizer"] = record.tokenizer_json;
  metadata["train.state"] = state_to_json(trainer.state()).dump();
  std::vector<TensorSource> sources;
  add_sources(sources, trainer.weights());
  add_moment_sources(sources, trainer, reading, Moment::first, kFirstMoment);
  add_moment_sources(sources, trainer, reading, Moment::second, kSecondMoment);
  if (trainer.average()) add_sources(sources, *trainer.average(), kAverage);
  if (trainer.best()) add_sources(sources, *trainer.best(), kBest);
  const std::unique_ptr<OutputStream> output = open_output(path);
  write_safetensors(*output, metadata, sources);
  output->close();
}

StateFile StateFile::open(const std::string& path, Checksum checksum) {
  require_kind(FileUse::state, path);
  SafetensorsFile file = SafetensorsFile::open(path, checksum);
  const std::string* settings = file.metadata("train.settings");
  const std::string* state = file.metadata("train.state");
  const std::string* tokenizer = file.metadata("train.tokenizer");
  const std::string* source = file.metadata("train.source");
  if (settings == nullptr || state == nullptr)
    throw Error("'" + path + "' is not a training state; name the file that --checkpoint wrote");
  const ModelRecord model = model_record(file);
  std::int64_t elements = 0;
  for (const TensorEntry& entry : file.entries()) elements += entry.elements();
  if (parameter_count(model.config) > elements / 2 ||
      model.config.n_layers > static_cast<std::int64_t>(file.entries().size())) {
    throw Error("'" + path + "' lacks tensors of the model that its configuration describes");
  }
  StateRecord record{.config = model.config,
                     .objective = model.objective,
                     .settings = *settings,
                     .tokenizer_json = tokenizer == nullptr ? std::string() : *tokenizer,
                     .ends = model.ends.ids,
                     .folder = source == nullptr ? FolderTexts() : folder_texts_from_json(*source, path),
                     .state = state_from_json(JsonValue::parse(*state, path), path)};
  return StateFile(std::move(file), std::move(record));
}

void StateFile::load_into(Trainer& trainer) const {
  read_arenas(trainer);
  trainer.restore(record_.state);
}

void StateFile::read_arenas(Trainer& trainer) const {
  read_tensors(trainer.weights(), file_);
  const std::vector<TensorSpec>& specs = trainer.weights().tensors();
  read_moment(trainer.moment(Moment::first), specs, file_, kFirstMoment);
  read_moment(trainer.moment(Moment::second), specs, file_, kSecondMoment);
  if (trainer.average()) read_tensors(*trainer.average(), file_, kAverage);
  if (trainer.best()) read_tensors(*trainer.best(), file_, kBest);
}

Parameters<float> StateFile::result() const {
  Parameters<float> weights(record_.config);
  const auto holds = [&](const char* prefix) { return file_.find(prefix + weights.tensors().front().name) != nullptr; };
  const bool best = record_.state.best_validation && holds(kBest);
  read_tensors(weights, file_, best ? kBest : holds(kAverage) ? kAverage : "");
  return weights;
}

}  // namespace lm
