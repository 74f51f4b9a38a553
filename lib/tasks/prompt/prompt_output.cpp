#include "tasks/prompt/prompt_output.h"

#include "base/json.h"
#include "data/token_file.h"

namespace lm {
namespace {

class TextWriter : public SampleWriter {
 public:
  TextWriter(OutputStream& output, bool echo) : output_(output), echo_(echo) {}

  void sample(Prompter& prompter, std::string_view prompt, std::int64_t number) override {
    if (!first_) output_.write("\n");
    first_ = false;
    if (echo_) output_.write(prompt.substr(0, prompt.size() - prompter.unfinished_character().size()));
    output_.flush();
    prompter.sample(number, [&](std::string_view text) {
      output_.write(text);
      output_.flush();  // somebody may be reading along
    });
    output_.write("\n");
    output_.flush();
  }
  void finish() override {}

 private:
  OutputStream& output_;
  bool echo_;
  bool first_ = true;
};

class JsonWriter : public SampleWriter {
 public:
  JsonWriter(OutputStream& output, const TextModel& model) : output_(output), model_(model) {}

  void sample(Prompter& prompter, std::string_view prompt, std::int64_t number) override {
    std::string text;
    const Sample sample = prompter.sample(number, [&](std::string_view piece) { text += piece; });
    JsonValue json;
    json.set("prompt", prompt);
    json.set("sample", number);
    json.set("text", text);
    json.set("tokens", static_cast<std::int64_t>(sample.ids.size()));
    json.set("end", to_string(sample.end));
    // A model may end its turn in several ways, one of them to ask for a tool's answer.
    if (sample.end_token) json.set("end_token", model_.bytes_of(*sample.end_token));
    output_.write(json.dump() + "\n");
    output_.flush();
  }
  void finish() override {}

 private:
  OutputStream& output_;
  const TextModel& model_;
};

/// Returns the prompt's ids, if they are wanted, and the sample's.
std::vector<TokenId> ids_of(Prompter& prompter, std::int64_t number, bool echo) {
  std::vector<TokenId> ids;
  if (echo) ids.assign(prompter.prompt_ids().begin(), prompter.prompt_ids().end());
  const Sample sample = prompter.sample(number, [](std::string_view) {});
  ids.insert(ids.end(), sample.ids.begin(), sample.ids.end());
  return ids;
}

class IdsWriter : public SampleWriter {
 public:
  IdsWriter(OutputStream& output, bool echo) : output_(output), echo_(echo) {}

  void sample(Prompter& prompter, std::string_view, std::int64_t number) override {
    std::string line;
    for (const TokenId id : ids_of(prompter, number, echo_)) line += (line.empty() ? "" : " ") + std::to_string(id);
    output_.write(line + "\n");
    output_.flush();
  }
  void finish() override {}

 private:
  OutputStream& output_;
  bool echo_;
};

class TokenStreamWriter : public SampleWriter {
 public:
  TokenStreamWriter(OutputStream& output, const Tokenizer& tokenizer, bool echo)
      : writer_(output, info_of(tokenizer)), echo_(echo) {}

  void sample(Prompter& prompter, std::string_view, std::int64_t number) override {
    writer_.write(ids_of(prompter, number, echo_));
    writer_.end_document();
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
