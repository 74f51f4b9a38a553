// What a model's record needs before it is written as a folder, and what its folder says after its tokens have changed.
#pragma once

#include "model/files/checkpoint.h"
#include "text/tokenizer.h"

namespace lm {

/// Returns the record with all that its folder says: its tokens, its tokenizer for other libraries, what transformers have to
/// know of its objective. A model made here puts before each text what these programs put there; one that came from a folder
/// keeps that folder's files, in which only the ends of texts are brought up to date.
ModelRecord with_folder_facts(ModelRecord record, const Tokenizer& tokenizer);

/// Returns how a model of the record's objective reads.
LooksBothWays looks_of(const ModelRecord& record);

/// Takes out of the files of a folder what is said of its tokenizer, and has the ids of the tokenizer that replaces it.
void replace_tokenizer(FolderTexts& folder, const Tokenizer& tokenizer);

}  // namespace lm
