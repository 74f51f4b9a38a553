// Conversations: messages, the tokens that a model reads of them, and their JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tasks/prompt/chat_template.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/text_model.h"

namespace lm {

enum class ChatRole { system, user, assistant };
template <>
inline constexpr auto kChoices<ChatRole> = choice_table<ChatRole>("role", {{"system", ChatRole::system},
                                                                           {"user", ChatRole::user},
                                                                           {"assistant", ChatRole::assistant}});

struct ChatMessage {
  ChatRole role = ChatRole::user;
  std::string content;
};
using Conversation = std::vector<ChatMessage>;

/// Returns the messages of a record: "messages", an array of objects with "role" and "content", both strings. Throws Error
/// naming `source` for anything else.
Conversation conversation_of(const JsonValue& record, std::string_view source);

/// Throws Error saying why the model cannot answer: the last message must be the user's, a system message is the first, and
/// turns of Gemma and of templates that want it alternate. `source` names the conversation.
void check_conversation(const ChatTemplate& chat, const Conversation& messages, std::string_view source);

/// Returns what the model reads to answer the last message: the ids of the text that the template makes, up to where the
/// answer begins. Special tokens that contents spell are text. Throws Error if a token is beyond the model's vocabulary.
PromptTokens encode_conversation(const TextModel& model, const ChatTemplate& chat, const Conversation& messages);

/// Returns the text of which these are the ids, contents as they are.
std::string conversation_text(const ChatTemplate& chat, const Tokenizer& tokenizer, const Conversation& messages);

/// Returns a text without white space at its left, its right or both, as Python's strip() leaves it.
std::string_view without_white_space(std::string_view text, bool left, bool right);

/// Encodes a conversation so that it and `max_tokens`, but of these no more than half the context, fit the context: as many
/// of the oldest messages of user and assistant as necessary are left out, up to one of the user's. Returns how many in
/// `left_out`. Throws Error if the last message alone is too long.
PromptTokens encode_fitting(const TextModel& model, const ChatTemplate& chat, Conversation messages, std::int64_t max_tokens,
                            std::int64_t& left_out);

}  // namespace lm
