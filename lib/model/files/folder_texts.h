// FolderTexts: what a model's folder holds beside weights and vocabulary, as text.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lm {

// A model that is trained from a folder leaves as a folder again, with all that this program does not use: keys of its
// configuration, defaults of sampling, the template of a chat. So these files are kept as they are, word by word, in the
// metadata of every model that comes of it. Alternatives rejected: keeping only the keys that are unknown here would lose
// the order of the others and how they were written; naming the folder would break as soon as a model file is moved.

/// Files of a folder by name.
using FolderTexts = std::map<std::string, std::string, std::less<>>;

/// Reads those files of a folder that are kept: config.json, generation_config.json, tokenizer_config.json,
/// special_tokens_map.json, added_tokens.json and chat_template.jinja, as far as there are any. Throws Error for one that is
/// longer than such files are.
FolderTexts read_folder_texts(const std::string& folder);

/// Returns whether a file of that name is one of those.
bool is_folder_text(std::string_view name);

/// Return lm.folder of a model file, and what it says. The latter throws Error naming `source` unless it is an object of
/// texts by such names.
std::string folder_texts_to_json(const FolderTexts& texts);
FolderTexts folder_texts_from_json(std::string_view json, std::string_view source);

}  // namespace lm
