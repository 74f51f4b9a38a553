// lm-convert: a model or a tokenizer from one form to another.
#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/gguf.h"
#include "model/files/checkpoint.h"
#include "named_files.h"
#include "options.h"
#include "program.h"
#include "tasks/convert_gguf.h"
#include "tasks/convert_model.h"
#include "tasks/tokenize/convert_tokenizer.h"
#include "tokenizer_options.h"

namespace lm::cmd {

/// What --to says.
enum class Form { safetensors, folder, gguf };

}  // namespace lm::cmd

template <>
inline constexpr auto lm::kChoices<lm::cmd::Form> = lm::choice_table<lm::cmd::Form>(
    "form", {{"safetensors", lm::cmd::Form::safetensors}, {"folder", lm::cmd::Form::folder}, {"gguf", lm::cmd::Form::gguf}});

namespace lm::cmd {
namespace {

struct Options {
  TokenizerOptions tokenizer;
  std::vector<std::string> names;
  std::optional<Form> to;
  std::optional<GgufFileType> type;
  std::string importance;
};

void add_options(CLI::App& app, Options& options) {
  add_tokenizer_options(app, options.tokenizer);
  add_choice(app, "--to", options.to, "the form of OUT; auto: as its name says", "auto");
  add_choice(app, "--type", options.type, "how GGUF has the weights (default: f32)", "");
  add_text(app, "--importance", options.importance,
           "what errors are weighted by when weights are quantized: a file of lm-eval-ppl --importance", "FILE");
  add_files(app, "IN OUT", options.names,
            "a model or tokenizer, and where it goes: NAME.safetensors, FOLDER/, NAME.gguf, NAME.json or NAME.tiktoken");
}

/// Returns what the name of OUT, or else --to, says of a model's form; nothing for the forms of tokenizers.
std::optional<Form> model_form(const std::string& name, std::optional<Form> said) {
  if (said) return said;
  if (name.ends_with(".safetensors")) return Form::safetensors;
  if (name.ends_with(".gguf")) return Form::gguf;
  if (name.ends_with('/')) return Form::folder;
  return std::nullopt;
}

TokenizerForm tokenizer_form_of(const std::string& name) {
  try {
    return tokenizer_form(name);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

bool is_model(const std::string& path) {
  const FileKind kind = kind_of_path(path);
  if (kind == FileKind::gguf) return !GgufFile::open(path).tensors().empty();  // some are vocabularies only
  return kind == FileKind::model || kind == FileKind::model_folder || kind == FileKind::other_model;
}

void check_names(const CommonOptions& common, const std::string& from, const std::string& to, bool writes_folder,
                 const std::string& importance = {}) {
  NamedFiles named(common);
  named.reads("IN", from);
  if (!importance.empty()) named.reads("--importance", importance);
  if (writes_folder) {
    named.writes_model("OUT", to);
  } else {
    named.writes("OUT", to);
  }
  named.check();
}

void write_model(const std::string& from, const std::string& to, const Options& options) {
  for (const std::string& note : convert_model(from, to, options.tokenizer)) spdlog::warn("{}", note);
}

int write_gguf_model(const std::string& from, const std::string& to, const Options& options, const CommonOptions& common) {
  const GgufFileType type = options.type.value_or(GgufFileType::f32);
  if (!options.importance.empty() && type < GgufFileType::q8_0)
    throw UsageError(std::string("--importance is for weights that are quantized, not for --type ") + to_string(type));
  check_names(common, from, to, false, options.importance);
  Compute compute(common.threads, common.simd);
  const GgufConversion conversion{.type = type, .importance = options.importance};
  for (const std::string& note : convert_to_gguf(compute, from, to, options.tokenizer, conversion)) spdlog::warn("{}", note);
  return 0;
}

int run(const Options& options, const CommonOptions& common) {
  if (options.names.size() != 2) throw UsageError("expected two names: the model or tokenizer, and where it goes");
  const std::string& from = options.names[0];
  std::string to = options.names[1];
  const std::optional<Form> form = model_form(to, options.to);
  if (form == Form::gguf) return write_gguf_model(from, to, options, common);
  if (options.type || !options.importance.empty())
    throw UsageError(std::string(options.type ? "--type" : "--importance") +
                     " is for GGUF; let OUT's name end with .gguf, or give --to gguf");
  if (form == Form::folder && to == "-") throw UsageError("a folder cannot go to standard output; name one");
  if (form == Form::folder && !to.ends_with('/')) to += '/';
  if (form == Form::safetensors) {
    if (to != "-" && is_model_folder(to))
      throw UsageError("'" + to + "' is a folder, not a model file; let a folder's name end with /");
    check_names(common, from, to, false);
    write_model(from, to, options);
  } else if (form == Form::folder && is_model(from)) {
    check_names(common, from, to, true);
    write_model(from, to, options);
  } else {
    const TokenizerForm tokenizer = tokenizer_form_of(to);
    check_names(common, from, to, tokenizer == TokenizerForm::folder);
    write_tokenizer_as(to, tokenizer, open_tokenizer(from, options.tokenizer));
  }
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {
                         .name = "lm-convert",
                         .summary = "write a model or a tokenizer in another form",
                         .usage = "IN OUT",
                         .products = Products::made,
                         .add_options = [&](CLI::App& app) { add_options(app, options); },
                         .body = [&](const CommonOptions& common) { return run(options, common); },
                     });
}
