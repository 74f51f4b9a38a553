#include "tasks/convert_gguf.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/gguf_writer.h"
#include "model/families.h"
#include "model/files/checkpoint.h"
#include "model/files/gguf_fields.h"
#include "model/files/gguf_model_writer.h"
#include "objectives/mixture.h"
#include "tasks/text_model.h"
#include "text/files/gguf_export.h"

namespace lm {
namespace {

constexpr std::uint32_t kQuantizationVersion = 2;  // of ggml's blocks

/// Throws Error for a model that llama.cpp would read from left to right only, though it was trained to see what follows, too.
void require_causal(const ModelRecord& record, const std::string& from) {
  if (is_masked_family(record.config.family)) return;  // gguf_target() says more of it
  for (const ObjectiveShare& share : parse_mixture(record.objective).shares()) {
    const std::string_view name = share.entry->name;
    if (name == "causal" || name == "fim") continue;
    throw Error("cannot write '" + from + "' as GGUF: it was trained with the objective '" + record.objective +
                "', and llama.cpp reads models from left to right only; write a folder (DIR/) instead");
  }
}

/// Returns the text of a folder's chat template file, or nothing.
std::string template_of(const ModelRecord& record) {
  const auto found = record.folder.find("chat_template.jinja");
  return found == record.folder.end() ? std::string() : found->second;
}

/// Returns the vocabulary of a model that has a tokenizer; else that of one that has none, which llama.cpp gives ids only.
GgufVocabulary vocabulary_of(LoadedModel& model, const TokenizerOptions& options) {
  ModelRecord& record = model.record;
  const bool beside = record.tokenizer_in_file || (is_model_folder(model.path) && holds_tokenizer(model.path));
  if (record.tokenizer_json.empty() && !beside) {
    if (options.pattern || options.begin || !options.end_of_text.empty()) {
      throw Error("cannot apply --begin, --end-of-text or --pattern to '" + model.path +
                  "': it has no tokenizer; leave them out, or put its tokenizer.json beside its weights");
    }
    GgufVocabulary none;
    none.fields.set("tokenizer.ggml.model", std::string("none"));
    none.notes.push_back("the model has no tokenizer, so that programs can only give it ids");
    return none;
  }
  const Tokenizer tokenizer = tokenizer_of(model, options);
  resolve_ends(record, tokenizer);
  const GgufVocabularyFacts facts{.vocab_size = record.config.vocab_size,
                                  .begin = begin_elsewhere(record, tokenizer),
                                  .ends = all_ends(record, tokenizer),
                                  .chat_template = template_of(record)};
  return gguf_vocabulary(tokenizer, facts, model.path);
}

/// Returns what only these programs read: all that a model file says, of one that was made here.
GgufFields own_fields(const ModelRecord& record) {
  GgufFields fields;
  if (!record.folder.empty()) return fields;
  for (const auto& [key, text] : model_metadata(record)) fields.set(key, text);
  return fields;
}

void append(std::vector<std::string>& notes, const std::vector<std::string>& more) {
  notes.insert(notes.end(), more.begin(), more.end());
}

}  // namespace

std::vector<std::string> convert_to_gguf(Compute& compute, const std::string& from, const std::string& to,
                                         const TokenizerOptions& options, const GgufConversion& conversion) {
  if (to != "-") check_output(to);
  std::optional<Importance> importance;
  if (!conversion.importance.empty()) importance = read_importance(conversion.importance);
  LoadedModel model = load_model(from);
  require_causal(model.record, from);
  const GgufTarget& target = gguf_target(model.record.config, from);
  const GgufVocabulary vocabulary = vocabulary_of(model, options);
  std::vector<std::string> notes = model.record.notes;
  const ModelConfig config = within_windows(model.record.config, notes);
  for (const std::string& note : model.record.left_out) notes.push_back("'" + from + "': " + note);
  GgufFields fields = gguf_fields(config, target, notes);
  fields.set("general.file_type", gguf_file_type_number(conversion.type));
  fields.set("general.quantization_version", kQuantizationVersion);
  fields.merge(vocabulary.fields);
  fields.merge(own_fields(model.record));
  append(notes, vocabulary.notes);
  const GgufTensors tensors = gguf_tensors(
      compute, model.parameters, target,
      {.type = conversion.type, .importance = importance ? &*importance : nullptr, .importance_name = conversion.importance},
      to);
  append(notes, tensors.notes);
  const std::unique_ptr<OutputStream> output = open_output(to);
  write_gguf(*output, fields, tensors.sources);
  output->close();
  return notes;
}

}  // namespace lm
