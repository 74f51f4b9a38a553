#include "tasks/convert_model.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "model/files/checkpoint.h"
#include "model/files/folder_files.h"
#include "tasks/folder_record.h"
#include "tasks/text_model.h"

namespace lm {
namespace {

bool names_any(const TokenizerOptions& options) { return options.pattern || options.begin || !options.end_of_text.empty(); }

/// Gives the record the tokenizer, as far as it lacks it, and what a folder says of it.
void take_tokenizer(ModelRecord& record, const Tokenizer& tokenizer, const TokenizerOptions& options) {
  if (record.tokenizer_json.empty() || names_any(options)) record.tokenizer_json = tokenizer.to_json();
  settle_ends(record, tokenizer);
  record = with_folder_facts(std::move(record), tokenizer);
}

void refuse_options(const std::string& from, const TokenizerOptions& options) {
  if (names_any(options)) {
    throw Error("cannot apply --begin, --end-of-text or --pattern to '" + from +
                "': it has no tokenizer; leave them out, or put its tokenizer.json beside its weights");
  }
}

}  // namespace

std::vector<std::string> convert_model(const std::string& from, const std::string& to, const TokenizerOptions& options) {
  check_model_destination(to);
  LoadedModel model = load_model(from);
  ModelRecord& record = model.record;
  std::vector<std::string> notes = record.notes;
  if (!record.tokenizer_json.empty() || record.tokenizer_in_file || (is_model_folder(from) && holds_tokenizer(from))) {
    const Tokenizer tokenizer = tokenizer_of(model, options);
    take_tokenizer(record, tokenizer, options);
    notes = record.notes;
  } else {
    refuse_options(from, options);
    record.facts.looks = looks_of(record);
  }
  for (const std::string& note : record.left_out) notes.push_back("'" + from + "': " + note);
  if (is_model_folder(to)) {
    for (const std::string& note : folder_notes(record)) notes.push_back("'" + to + "': " + note);
  }
  save_model(to, record, model.parameters);
  return notes;
}

}  // namespace lm
