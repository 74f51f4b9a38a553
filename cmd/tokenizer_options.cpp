#include "tokenizer_options.h"

#include <spdlog/spdlog.h>

#include "options.h"
#include "tasks/load_tokenizer.h"

namespace lm::cmd {

namespace {

void print_notes(const std::string& path, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) spdlog::warn("'{}': {}", path, note);
}

TextModel with_printed_notes(TextModel model) {
  print_notes(model.path(), model.notes());
  return model;
}

}  // namespace

void add_tokenizer_options(CLI::App& app, TokenizerOptions& options) {
  add_text(app, "--end-of-text", options.end_of_text, "the token that closes documents, if it has no known name", "NAME");
  add_text(app, "--begin", options.begin, "the token that precedes each text, or none; by default what the tokenizer says",
           "NAME");
  add_choice(app, "--pattern", options.pattern, "the pattern, for a folder or a .tiktoken file");
}

void add_model(CLI::App& app, std::string& model, TokenizerOptions& options) {
  app.add_option("MODEL", model, "a model: file or folder")->required()->type_name("");
  add_tokenizer_options(app, options);
}

Tokenizer open_tokenizer(const std::string& path, const TokenizerOptions& options) {
  Tokenizer tokenizer = load_tokenizer(path, options);
  if (!tokenizer.closing_note().empty()) print_notes(path, {tokenizer.closing_note()});
  print_notes(path, tokenizer.notes());
  return tokenizer;
}

TextModel open_text_model(const std::string& path, const TokenizerOptions& options, Matrices matrices) {
  return with_printed_notes(load_text_model(path, options, matrices));
}

TextModel open_text_model_or_state(const std::string& path, const TokenizerOptions& options, Matrices matrices) {
  return with_printed_notes(load_text_model_or_state(path, options, matrices));
}

}  // namespace lm::cmd
