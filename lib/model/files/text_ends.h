// TextEnds: which tokens end a text of a model, as the files beside its weights say, or its own metadata.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/token.h"
#include "model/files/folder_texts.h"

namespace lm {

// The files of a folder do not agree: a chat model's config.json often names the token of its pretraining, its
// generation_config.json those of its turns, its tokenizer_config.json one of these. Transformers believe the first file
// that there is; here every token that is named ends a text, since a model draws only those that it has learned.

/// Beside the tokenizer's end-of-text, which ends texts in any case.
struct TextEnds {
  std::vector<TokenId> ids = {};         // below the model's vocabulary, ascending
  std::vector<std::string> tokens = {};  // spellings whose ids only the tokenizer knows
  bool operator==(const TextEnds&) const = default;
};

/// Returns what generation_config.json, config.json ("eos_token_id") and tokenizer_config.json ("eos_token") of a folder
/// say; any of the files may be absent. An id that is not below `vocab_size` is left out, with a sentence in `notes`. Throws
/// Error naming file and key for what is no id, no token, and no list of these.
TextEnds read_text_ends(const std::string& folder, std::int64_t vocab_size, std::vector<std::string>& notes);
/// Returns the same of a folder's texts; `folder` names it in messages.
TextEnds read_text_ends(const FolderTexts& texts, const std::string& folder, std::int64_t vocab_size,
                        std::vector<std::string>& notes);

/// Return lm.ends of a model file, and what it says. The latter throws Error naming `source` unless it is a list of ids
/// below `vocab_size`.
JsonValue text_ends_to_json(const std::vector<TokenId>& ids);
std::vector<TokenId> text_ends_from_json(std::string_view json, std::int64_t vocab_size, std::string_view source);

/// Adds an id to a list that is ascending and has each once.
void add_end(std::vector<TokenId>& ids, TokenId id);

}  // namespace lm
