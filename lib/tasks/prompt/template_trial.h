// Whether a chat template writes what this program writes: both are tried on conversations.
#pragma once

#include "base/json.h"
#include "tasks/prompt/chat_template.h"
#include "tasks/prompt/jinja_parts.h"
#include "text/tokenizer.h"

namespace lm {

/// Runs the template on conversations with and without a system message, of one turn and of several, with white space, thoughts
/// and empty messages, sets what only that shows (which conversations the template refuses, and whether it trims), and throws
/// Error with a predicate if a text differs from what encode_conversation() makes. `variables`: the names of special tokens.
void try_chat_template(ChatTemplate& chat, const Tokenizer& tokenizer, const JinjaTemplate& chat_template,
                       JsonValue::Object variables);

}  // namespace lm
