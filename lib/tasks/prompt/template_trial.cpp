#include "tasks/prompt/template_trial.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tasks/prompt/conversation.h"
#include "tasks/prompt/jinja.h"

namespace lm {
namespace {

ChatMessage user(const char* content) { return {.role = ChatRole::user, .content = content}; }
ChatMessage assistant(const char* content) { return {.role = ChatRole::assistant, .content = content}; }
ChatMessage system(const char* content) { return {.role = ChatRole::system, .content = content}; }

/// Returns conversations that tell templates apart.
std::vector<Conversation> trials() {
  const ChatMessage spaced = user(" \t\n Say \n it.\xC2\xA0 \n\n"), thought = assistant(" <think>\nhm\n</think>\n\nYes. ");
  const std::vector<Conversation> without = {
      {user("Hi there.")},
      {spaced},
      {user("")},
      {user("a"), user("B")},
      {user("One?"), assistant("1"), user("Two?")},
      {user("One?"), assistant("1"), assistant("one"), user("Two?")},
      {spaced, thought, spaced, assistant("\n Well:\n\n"), user("Three?"), assistant(""), user("4, \"four\" & <b>'s?")},
      {assistant("Hello."), user("Hi.")}};
  std::vector<Conversation> all = without;
  for (const char* content : {"Be brief.", " \n Be\nbrief. \n", ""}) {
    for (const Conversation& conversation : without) {
      all.push_back(conversation);
      all.back().insert(all.back().begin(), system(content));
    }
  }
  return all;
}

/// Runs one template.
class Trial {
 public:
  Trial(const JinjaTemplate& chat_template, JsonValue::Object variables)
      : template_(chat_template), variables_(std::move(variables)) {
    variables_.emplace_back("add_generation_prompt", true);
    for (const char* name : {"tools", "documents"}) variables_.emplace_back(name, JsonValue());
  }

  JinjaResult run(const Conversation& conversation) const {
    JsonValue::Array messages;
    for (const ChatMessage& message : conversation) {
      JsonValue json;
      messages.push_back(json.set("role", to_string(message.role)).set("content", message.content));
    }
    JsonValue::Object variables = variables_;
    variables.emplace_back("messages", std::move(messages));
    return run_jinja(template_, variables);
  }

  bool raises(const Conversation& conversation) const { return run(conversation).has_raised; }

 private:
  const JinjaTemplate& template_;
  JsonValue::Object variables_;
};

bool can_answer(const ChatTemplate& chat, const Conversation& conversation) {
  try {
    check_conversation(chat, conversation, "it");
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Returns a text from shortly before a place, quoted.
std::string excerpt(const std::string& text, std::size_t at) {
  return json_quote(text.substr(at - std::min<std::size_t>(at, 30), 60));
}

/// Returns how the template differs, for people; nothing: it does not.
std::optional<std::string> difference(const ChatTemplate& chat, const Tokenizer& tokenizer, const Trial& trial) {
  for (const Conversation& conversation : trials()) {
    if (!can_answer(chat, conversation)) continue;
    const JinjaResult theirs = trial.run(conversation);
    if (theirs.has_raised) return "refuses a conversation with " + json_quote(theirs.text.substr(0, 100));
    const std::string ours = conversation_text(chat, tokenizer, conversation);
    if (theirs.text == ours) continue;
    const auto place = std::mismatch(ours.begin(), ours.end(), theirs.text.begin(), theirs.text.end()).first - ours.begin();
    const std::size_t at = static_cast<std::size_t>(place);
    return "writes " + excerpt(theirs.text, at) + " where turns of " + to_string(chat.kind) + " have " + excerpt(ours, at);
  }
  return std::nullopt;
}

}  // namespace

void try_chat_template(ChatTemplate& chat, const Tokenizer& tokenizer, const JinjaTemplate& chat_template,
                       JsonValue::Object variables) {
  const Trial trial(chat_template, std::move(variables));
  if (trial.raises({system("Be brief."), user("Hi.")}) && chat.system != ChatSystem::dated)
    chat.system = ChatSystem::refused;
  chat.alternates = trial.raises({user("Hi."), user("Hello?")});
  const std::optional<std::string> found = difference(chat, tokenizer, trial);
  if (!found) return;
  chat.trims = !chat.trims;  // the code need not show it
  if (difference(chat, tokenizer, trial)) throw Error(*found);
}

}  // namespace lm
