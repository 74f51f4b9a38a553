// The data of a training session: token files or a stream, what is held out, and the examples made of them.
#include <algorithm>

#include "base/error.h"
#include "data/token_format.h"
#include "tasks/load_tokenizer.h"
#include "tasks/train/train_session.h"

namespace lm {

namespace {

std::vector<TokenId> read_all(const TokenCorpus& corpus) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(corpus.size()));
  corpus.copy(0, tokens);
  return tokens;
}

std::string only_end_of_text(const std::string& name) {
  return "'" + name + "' holds nothing but end-of-text; was its text empty?";
}

}  // namespace

/// Made with the session's tokenizer, and whole.
TokenFile TrainSession::open_tokens(const std::string& path) {
  TokenFile file = TokenFile::open(path, request_.spool_folder);
  require_same_tokenizer(*tokenizer_, file.info(), file.name());
  file.verify();
  if (file.size() > 0 && file.documents() == file.size()) notes_.push_back(only_end_of_text(file.name()));
  return file;
}

ObjectiveOptions TrainSession::full_objective_options() const {
  ObjectiveOptions options = objective_options(settings_);
  options.end_of_text = tokenizer_->end_of_text();
  options.table = tokenizer_.get();
  options.codec = tokenizer_.get();
  options.special = special_ids(*tokenizer_);
  return options;
}

std::vector<ExampleSource> TrainSession::make_sources(const TokenCorpus& corpus, std::uint64_t seed,
                                                      WindowOrder order) const {
  std::vector<ExampleSource> sources;
  for (const ObjectiveShare& share : shares_) {
    sources.emplace_back(corpus, share.entry->make(full_objective_options()), *settings_.context, seed, order,
                         static_cast<std::int64_t>(sources.size()));
  }
  return sources;
}

BatchSource& TrainSession::source() {
  return stream_source_ != nullptr ? static_cast<BatchSource&>(*stream_source_) : *window_source_;
}

void TrainSession::open_corpus() {
  for (const std::string& path : request_.tokens) files_.push_back(open_tokens(path));
  corpus_.emplace(std::span<const TokenFile>(files_));
  if (corpus_->size() == 0) throw Error("cannot train on '" + files_.front().name() + "': it holds no token");
  if (settings_.valid_fraction == 0) return;
  const HeldOut held_out = hold_out(files_, settings_.valid_fraction);
  corpus_ = held_out.train;
  valid_corpus_ = held_out.valid;
}

void TrainSession::open_data() {
  const auto seed = static_cast<std::uint64_t>(settings_.seed);
  if (settings_.one_pass) {
    if (request_.tokens.size() != 1)
      throw SettingsError("--one-pass reads one stream, got " + std::to_string(request_.tokens.size()));
    stream_objective_ = shares_.front().entry->make(full_objective_options());
    if (shares_.size() > 1 || stream_objective_->window_kind() != WindowKind::strided) {
      throw SettingsError("--one-pass cannot train on '" + settings_.objective +
                          "': mixtures and fim visit windows in an order of their own; leave --one-pass out");
    }
    require_token_stream(request_.tokens.front());
    reader_ = std::make_unique<TokenReader>(open_input(request_.tokens.front()));
    require_same_tokenizer(*tokenizer_, reader_->info(), reader_->name());
    stream_source_ = std::make_unique<StreamSource>(*reader_, *stream_objective_, seed, *settings_.context);
    data_identity_ = "stream";
  } else {
    if (!corpus_) open_corpus();
    data_identity_ = to_hex(corpus_->identity());
    std::vector<double> shares;
    for (const ObjectiveShare& share : shares_) shares.push_back(share.share);
    window_source_ = std::make_unique<WindowSource>(make_sources(*corpus_, seed, WindowOrder::shuffled), shares,
                                                    *settings_.context, seed);
  }
  if (valid_identity_.empty()) open_validation();
}

void TrainSession::open_validation() {
  if (!request_.valid.empty() && valid_corpus_)
    throw SettingsError("--valid and --valid-fraction both name held-out data; give one");
  if (!request_.valid.empty()) {
    valid_files_.push_back(open_tokens(request_.valid));
    valid_corpus_.emplace(std::span<const TokenFile>(valid_files_));
    if (valid_corpus_->size() == 0) throw Error("cannot validate on '" + request_.valid + "': it holds no token");
  } else if (!valid_corpus_ && (settings_.keep == "best" || settings_.patience > 0)) {
    throw SettingsError("--keep best and --patience need held-out data; give --valid or --valid-fraction");
  }
  if (valid_corpus_) valid_identity_ = to_hex(valid_corpus_->identity());
}

void TrainSession::make_validator() {
  if (!valid_corpus_) return;
  // Any key will do, as long as it is the same at every evaluation of every run.
  constexpr std::uint64_t kValidationSeed = 0x76616c6964;
  std::vector<ExampleSource> sources = make_sources(*valid_corpus_, kValidationSeed, WindowOrder::file);
  std::vector<Validator::Part> parts;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (sources[i].objective().name() == "causal") {
      valid_tokens_ = read_all(*valid_corpus_);
      parts.push_back({.share = shares_[i].share,
                       .loss = DocumentLoss(valid_tokens_, *tokenizer_, *settings_.context, *settings_.micro_batch)});
    } else {
      parts.push_back({.share = shares_[i].share,
                       .loss = ExampleLoss(std::move(sources[i]), *settings_.context, *settings_.micro_batch)});
    }
  }
  validator_ = std::make_unique<Validator>(std::move(parts));
}

void TrainSession::check_data_identity() const {
  if (state_file_ == nullptr) return;
  const std::string& source = request_.state;
  const auto refuse = [&](const std::string& what) {
    throw Error("cannot resume '" + source + "': " + what +
                " differs from the one it began with; give the same or start a new run");
  };
  if (state_settings_.string_at("tokenizer", source) != to_hex(tokenizer_->fingerprint())) refuse("the tokenizer");
  if (state_settings_.string_at("data", source) != data_identity_) refuse("the training data");
  if (state_settings_.string_at("valid", source) != valid_identity_) refuse("the held-out data");
}

std::vector<std::string> TrainSession::notes_at_end() const {
  std::vector<std::string> notes;
  if (reader_ != nullptr && reader_->tokens() > 0 && reader_->documents() == reader_->tokens())
    notes.push_back(only_end_of_text(reader_->name()));
  for (std::size_t i = 0; window_source_ != nullptr && i < shares_.size(); ++i) {
    if (!window_source_->lacks_targets(i)) continue;
    notes.push_back(std::string("no example of objective '") + shares_[i].entry->name +
                    "' had a target, so it was not learned");
  }
  return notes;
}

}  // namespace lm
