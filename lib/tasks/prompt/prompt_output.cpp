#include "tasks/prompt/prompt_output.h"

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "data/token_file.h"

namespace lm {
namespace {

class TextWriter : public SampleWriter {
 public:
  TextWriter(OutputStream& output, bool echo) : output_(output), echo_(echo) {}

  void begin(Prompter& prompter, std::string_view prompt, std::int64_t number) override {
    const std::size_t place = begun_.size();
    std::string& text = begun_.emplace_back(first_ ? "" : "\n");
    first_ = false;
    if (echo_) text += prompt.substr(0, prompt.size() - prompter.unfinished_character().size());
    if (place == 0) hand_on(std::exchange(text, {}));
    prompter.begin(number, [this, place](std::string_view piece) {
      if (place > 0) {
        begun_[place] += piece;
      } else {
        hand_on(piece);  // somebody may be reading along
      }
    });
  }
  void write_all(Prompter& prompter) override {
    prompter.finish_all();
    for (const std::string& text : begun_) hand_on(text + "\n");
    begun_.clear();
  }
  void finish() override {}

 private:
  void hand_on(std::string_view text) {
    output_.write(text);
    output_.flush();
  }
  OutputStream& output_;
  bool echo_;
  bool first_ = true;
  std::vector<std::string> begun_;  // what of each is yet to be written
};

class JsonWriter : public SampleWriter {
 public:
  JsonWriter(OutputStream& output, const TextModel& model) : output_(output), model_(model) {}

  void begin(Prompter& prompter, std::string_view prompt, std::int64_t number) override {
    const std::size_t place = begun_.size();
    begun_.push_back({.prompt = std::string(prompt), .number = number});
    prompter.begin(number, [this, place](std::string_view piece) { begun_[place].text += piece; });
  }
  void write_all(Prompter& prompter) override {
    const std::vector<Sample> samples = prompter.finish_all();
    for (std::size_t i = 0; i < samples.size(); ++i) write(begun_[i], samples[i]);
    begun_.clear();
  }
  void finish() override {}

 private:
  struct Begun {
    std::string prompt;
    std::int64_t number = 0;
    std::string text = {};
  };
  void write(const Begun& begun, const Sample& sample) {
    JsonValue json;
    json.set("prompt", begun.prompt);
    json.set("sample", begun.number);
    json.set("text", begun.text);
    json.set("tokens", static_cast<std::int64_t>(sample.ids.size()));
    json.set("end", to_string(sample.end));
    // A model may end its turn in several ways, one of them to ask for a tool's answer.
    if (sample.end_token) json.set("end_token", model_.bytes_of(*sample.end_token));
    output_.write(json.dump() + "\n");
    output_.flush();
  }
  OutputStream& output_;
  const TextModel& model_;
  std::vector<Begun> begun_;
};

/// The ids of samples, each with its prompt's before it if they are wanted.
class BegunIds {
 public:
  void begin(Prompter& prompter, std::int64_t number, bool echo) {
    std::vector<TokenId>& ids = begun_.emplace_back();
    if (echo) ids.assign(prompter.prompt_ids().begin(), prompter.prompt_ids().end());
    prompter.begin(number, [](std::string_view) {});
  }
  std::vector<std::vector<TokenId>> finish_all(Prompter& prompter) {
    const std::vector<Sample> samples = prompter.finish_all();
    for (std::size_t i = 0; i < samples.size(); ++i)
      begun_[i].insert(begun_[i].end(), samples[i].ids.begin(), samples[i].ids.end());
    return std::exchange(begun_, {});
  }

 private:
  std::vector<std::vector<TokenId>> begun_;
};

class IdsWriter : public SampleWriter {
 public:
  IdsWriter(OutputStream& output, bool echo) : output_(output), echo_(echo) {}

  void begin(Prompter& prompter, std::string_view, std::int64_t number) override { begun_.begin(prompter, number, echo_); }
  void write_all(Prompter& prompter) override {
    for (const std::vector<TokenId>& ids : begun_.finish_all(prompter)) {
      std::string line;
      for (const TokenId id : ids) line += (line.empty() ? "" : " ") + std::to_string(id);
      output_.write(line + "\n");
      output_.flush();
    }
  }
  void finish() override {}

 private:
  OutputStream& output_;
  bool echo_;
  BegunIds begun_;
};

class TokenStreamWriter : public SampleWriter {
 public:
  TokenStreamWriter(OutputStream& output, const Tokenizer& tokenizer, bool echo)
      : writer_(output, info_of(tokenizer)), echo_(echo) {}

  void begin(Prompter& prompter, std::string_view, std::int64_t number) override { begun_.begin(prompter, number, echo_); }
  void write_all(Prompter& prompter) override {
    for (const std::vector<TokenId>& ids : begun_.finish_all(prompter)) {
      writer_.write(ids);
      writer_.end_document();
    }
  }
  void finish() override { writer_.finish(); }

 private:
  static TokenFileInfo info_of(const Tokenizer& tokenizer) {
    TokenFileInfo info;
    info.vocab_size = tokenizer.vocab_size();
    info.end_of_text = tokenizer.end_of_text();
    info.fingerprint = tokenizer.fingerprint();
    return info;
  }
  TokenWriter writer_;
  bool echo_;
  BegunIds begun_;
};

}  // namespace

std::unique_ptr<SampleWriter> make_sample_writer(OutputStream& output, const TextModel& model, const SampleOutput& options) {
  if (options.json) return std::make_unique<JsonWriter>(output, model);
  switch (options.format) {
    case SampleFormat::ids:
      return std::make_unique<IdsWriter>(output, options.echo);
    case SampleFormat::lm:
      return std::make_unique<TokenStreamWriter>(output, model.tokenizer, options.echo);
    case SampleFormat::text:
      break;
  }
  return std::make_unique<TextWriter>(output, options.echo);
}

}  // namespace lm
