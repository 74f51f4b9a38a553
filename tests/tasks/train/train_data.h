// Token files and requests for tests of a run: a tokenizer over bytes, and a few documents of text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/token_file.h"
#include "support/test_data.h"
#include "tasks/special_model.h"
#include "tasks/train/request.h"

namespace lm::test {

/// A folder with tokenizer.json, and requests for small runs on the files that are made in it.
class TrainFolder {
 public:
  TrainFolder() : tokenizer_(special_tokenizer()) { write("tokenizer.json", tokenizer_.to_json()); }

  std::string path(const std::string& name) const { return folder_.path(name); }
  const Tokenizer& tokenizer() const { return tokenizer_; }

  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::unique_ptr<OutputStream> output = open_output(path(name));
    output->write(text);
    output->close();
    return path(name);
  }
  /// Writes a token file of `documents` documents, each a sentence that differs from the others. Returns its path.
  std::string tokens(const std::string& name, int documents = 40) const { return tokens_of(name, documents, tokenizer_); }
  std::string tokens_of(const std::string& name, int documents, const Tokenizer& tokenizer) const {
    std::vector<std::string> texts;
    for (int i = 0; i < documents; ++i) texts.push_back("a cab, document " + std::to_string(i * i) + ", ran about and back");
    return tokens_of(name, texts, tokenizer);
  }
  std::string tokens_of(const std::string& name, const std::string& text) const {
    return tokens_of(name, std::vector<std::string>{text}, tokenizer_);
  }
  std::string tokens_of(const std::string& name, const std::vector<std::string>& texts, const Tokenizer& tokenizer) const {
    const std::unique_ptr<OutputStream> output = open_output(path(name));
    TokenWriter writer(*output, {.vocab_size = tokenizer.vocab_size(),
                                 .end_of_text = tokenizer.end_of_text(),
                                 .fingerprint = tokenizer.fingerprint(),
                                 .tokens = {},
                                 .documents = {}});
    for (const std::string& text : texts) {
      writer.write(tokenizer.encode(text));
      writer.end_document();
    }
    writer.finish();
    output->close();
    return path(name);
  }

  /// Returns a request for ten steps of a tiny model on `tokens`; model and state are to be written into the folder.
  TrainRequest request(const std::string& tokens) const {
    TrainRequest request;
    request.settings.model.layers = 1;
    request.settings.model.channels = 16;
    request.settings.model.context = 16;
    request.settings.trainer.batch_sequences = 4;
    request.named = {Setting::layers, Setting::channels, Setting::context, Setting::batch};
    request.tokenizer = path("tokenizer.json");
    request.tokens = {tokens};
    request.output = path("model.lm");
    request.state = path("model.lm.state");
    request.budget.steps = 10;
    request.spool_folder = path("");
    return request;
  }

 private:
  TemporaryFolder folder_;
  Tokenizer tokenizer_;
};

}  // namespace lm::test
