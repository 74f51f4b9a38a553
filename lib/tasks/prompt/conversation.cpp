#include "tasks/prompt/conversation.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unicode/unicode.h"

namespace lm {
namespace {

/// A part of what a template writes: text, or a token by its id.
struct ChatPiece {
  std::string text;
  std::optional<TokenId> token = {};
};

/// Returns whether Python, and so a template's trim, takes a character for white space.
bool is_trimmed(std::uint32_t code_point) {
  return (code_point >= 0x1C && code_point <= 0x1F) || UnicodeClasses::get().of(code_point) == CharClass::space;
}

/// Puts the pieces of a conversation one after the other.
class TurnWriter {
 public:
  TurnWriter(const ChatTemplate& chat, const Tokenizer& tokenizer) : chat_(chat), tokenizer_(tokenizer) {}

  std::vector<ChatPiece> write(const Conversation& messages) {
    if (chat_.begin) token(*chat_.begin);
    std::string before_user;
    auto first = messages.begin();
    if (first->role == ChatRole::system) {
      if (chat_.system == ChatSystem::first_user) before_user = first->content + "\n\n";
      if (chat_.system != ChatSystem::first_user) turn("system", chat_.dates + content_of(*first));
      ++first;
    } else if (chat_.system == ChatSystem::dated || !chat_.default_system.empty()) {
      turn("system", chat_.dates + chat_.default_system);
    }
    for (; first != messages.end(); ++first) turn(role_of(*first), std::exchange(before_user, {}) + content_of(*first));
    header(role_of({.role = ChatRole::assistant, .content = {}}), {});
    return std::move(pieces_);
  }

 private:
  std::string content_of(const ChatMessage& message) const {
    std::string_view content = message.content;
    constexpr std::string_view kEnd = "</think>";
    const std::size_t thought =
        message.role == ChatRole::assistant && chat_.drops_thinking ? content.rfind(kEnd) : std::string_view::npos;
    if (thought != std::string_view::npos) {
      content.remove_prefix(thought + kEnd.size());
      content.remove_prefix(std::min(content.size(), content.find_first_not_of('\n')));
    }
    return std::string(chat_.trims ? without_white_space(content, true, true) : content);
  }

  std::string role_of(const ChatMessage& message) const {
    return message.role == ChatRole::assistant && chat_.kind == ChatKind::gemma ? "model" : to_string(message.role);
  }

  void header(const std::string& role, const std::string& content) {
    token(chat_.turn_begin);
    if (chat_.kind != ChatKind::llama3) return text(role + "\n" + content);
    text(role);
    token(chat_.header_end);
    text("\n\n" + content);
  }

  void turn(const std::string& role, const std::string& content) {
    header(role, content);
    token(chat_.turn_end);
    if (chat_.kind != ChatKind::llama3) text("\n");
  }

  void token(TokenId id) { pieces_.push_back({.text = std::string(tokenizer_.bytes_of(id)), .token = id}); }
  void text(std::string text) { pieces_.push_back({.text = std::move(text)}); }

  const ChatTemplate& chat_;
  const Tokenizer& tokenizer_;
  std::vector<ChatPiece> pieces_;
};

/// Returns the ids of the text as a whole, as other programs encode it; nothing if it spells tokens beside those of the turns.
std::optional<std::vector<TokenId>> encode_whole(const Tokenizer& tokenizer, const std::vector<ChatPiece>& pieces) {
  std::string text;
  std::vector<TokenId> wanted, found;
  for (const ChatPiece& piece : pieces) {
    text += piece.text;
    if (piece.token) wanted.push_back(*piece.token);
  }
  std::vector<TokenId> ids = tokenizer.encode(text, SpecialTokens::allow);
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(found), [&](TokenId id) { return tokenizer.is_special(id); });
  return found == wanted ? std::optional(std::move(ids)) : std::nullopt;
}

[[noreturn]] void refuse_messages(std::string_view source, const std::string& why) {
  throw Error("cannot answer " + std::string(source) + ": " + why);
}

/// Returns the first of the keys that has a value, which an empty array is not; null: none.
const char* key_of_tools(const JsonValue& json, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const JsonValue* value = json.find(key);
    const bool is_empty =
        value == nullptr || value->is_null() || (value->if_array() != nullptr && value->if_array()->empty());
    if (!is_empty) return key;
  }
  return nullptr;
}

}  // namespace

std::string_view without_white_space(std::string_view text, bool left, bool right) {
  std::size_t end = 0;
  bool any = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const DecodedChar c = decode_utf8(text.data() + at, text.data() + text.size());
    const std::size_t next = at + c.length;
    if (c.code_point == kInvalidCodePoint || !is_trimmed(c.code_point)) {
      if (!any) begin = at;
      any = true;
      end = next;
    }
    at = next;
  }
  if (!any) return {};
  if (!right) end = text.size();
  return text.substr(left ? begin : 0, end - (left ? begin : 0));
}

std::string conversation_text(const ChatTemplate& chat, const Tokenizer& tokenizer, const Conversation& messages) {
  std::string text;
  for (const ChatPiece& piece : TurnWriter(chat, tokenizer).write(messages)) text += piece.text;
  return text;
}

Conversation conversation_of(const JsonValue& record, std::string_view source) {
  const JsonValue* messages = record.find("messages");
  if (messages == nullptr || messages->if_array() == nullptr)
    refuse_messages(source, "it has no 'messages', an array of objects with 'role' and 'content'");
  if (const char* key = key_of_tools(record, {"tools", "functions"}))
    refuse_messages(source, "it has '" + std::string(key) + "', and there are no tools here; leave them out");
  Conversation conversation;
  for (const JsonValue& message : *messages->if_array()) {
    const JsonValue* role = message.find("role");
    const JsonValue* content = message.find("content");
    if (const char* key = key_of_tools(message, {"tool_calls", "function_call"}))
      refuse_messages(source, "a message has '" + std::string(key) + "', and there are no tools here");
    if (role == nullptr || role->if_string() == nullptr || content == nullptr || content->if_string() == nullptr)
      refuse_messages(source, "a message is an object whose 'role' and 'content' are strings");
    const std::optional<ChatRole> known = find_choice<ChatRole>(*role->if_string());
    if (!known)
      refuse_messages(source, "the role " + json_quote(role->if_string()->substr(0, 100)) +
                                  " is not known; roles are system, user and assistant");
    conversation.push_back({.role = *known, .content = *content->if_string()});
  }
  return conversation;
}

void check_conversation(const ChatTemplate& chat, const Conversation& messages, std::string_view source) {
  if (messages.empty() || messages.back().role != ChatRole::user)
    refuse_messages(source, "its last message is not the user's");
  const auto is_system = [](const ChatMessage& message) { return message.role == ChatRole::system; };
  if (std::any_of(messages.begin() + 1, messages.end(), is_system))
    refuse_messages(source, "a system message is not the first");
  if (is_system(messages.front()) && chat.system == ChatSystem::refused)
    refuse_messages(source, "the model knows no system message; put it into the user's");
  if (chat.kind != ChatKind::gemma && !chat.alternates) return;
  ChatRole expected = ChatRole::user;
  for (const ChatMessage& message : messages) {
    if (is_system(message)) continue;
    if (message.role != expected) refuse_messages(source, "the model needs messages of user and assistant in turn");
    expected = expected == ChatRole::user ? ChatRole::assistant : ChatRole::user;
  }
}

PromptTokens encode_conversation(const TextModel& model, const ChatTemplate& chat, const Conversation& messages) {
  const Tokenizer& tokenizer = model.tokenizer;
  const std::vector<ChatPiece> pieces = TurnWriter(chat, tokenizer).write(messages);
  PromptTokens result{.is_whole = true};
  if (std::optional<std::vector<TokenId>> ids = encode_whole(tokenizer, pieces)) {
    result.ids = std::move(*ids);
  } else {
    for (const ChatPiece& piece : pieces) {
      const std::vector<TokenId> ids = piece.token ? std::vector<TokenId>{*piece.token} : tokenizer.encode(piece.text);
      result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    }
  }
  model.require_embedded(result.ids, "this conversation");
  return result;
}

PromptTokens encode_fitting(const TextModel& model, const ChatTemplate& chat, Conversation messages, std::int64_t max_tokens,
                            std::int64_t& left_out) {
  const std::int64_t context = model.config().context_length;
  const std::int64_t room = context - std::min(max_tokens, context / 2);
  left_out = 0;
  for (;;) {
    PromptTokens prompt = encode_conversation(model, chat, messages);
    if (std::ssize(prompt.ids) <= std::max<std::int64_t>(1, room)) return prompt;
    const auto oldest = messages.begin() + (messages.front().role == ChatRole::system ? 1 : 0);
    // Up to the next message of the user: an answer without its question says nothing.
    const auto next = std::find_if(oldest + 1, messages.end(), [](const auto& m) { return m.role == ChatRole::user; });
    if (next == messages.end()) {
      throw Error("the message is too long: with its turn it has " + std::to_string(prompt.ids.size()) +
                  " tokens, and the context of '" + model.path() + "' has room for " + std::to_string(room) +
                  " beside the answer");
    }
    left_out += next - oldest;
    messages.erase(oldest, next);
  }
}

}  // namespace lm
