// How an instruct model is spoken to: its turns, found from the tokens that begin and end them and from its chat template.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/token.h"
#include "tasks/text_model.h"

namespace lm {

// A chat template is a program in Jinja, which makes text of messages. Nearly all templates write one of three forms of turns,
// and what else they do to a plain conversation is read from the texts in them: a system message that they insert, whether they
// trim what is said, what goes before. That is then tried: the template is run on a few conversations, by the small part of
// Jinja that templates need for them, and one that writes anything else than is written here is refused with that.
// Alternatives rejected: to run the template on what is said, which then could spell the tokens of turns, and on a whole
// interpreter of Jinja; a list of known templates by hash knows only those of yesterday.

enum class ChatKind { chatml, llama3, gemma };
template <>
inline constexpr auto kChoices<ChatKind> = choice_table<ChatKind>("form of turns", {{"ChatML", ChatKind::chatml},
                                                                                    {"Llama 3", ChatKind::llama3},
                                                                                    {"Gemma", ChatKind::gemma}});

/// What a template does with the system message.
enum class ChatSystem {
  turn,        // it is a turn
  dated,       // it is a turn that always is there, and begins with dates (Llama 3.1 and later)
  first_user,  // it goes before what the user says first (Gemma 3)
  refused,     // there is none
};

struct ChatTemplate {
  ChatKind kind = ChatKind::chatml;
  TokenId turn_begin = 0, header_end = 0, turn_end = 0;  // header_end only of Llama 3's turns
  std::optional<TokenId> begin = {};                     // precedes all turns
  ChatSystem system = ChatSystem::turn;
  std::string default_system = {};  // what the system says if no message does; empty: nothing
  std::string dates = {};           // what a dated system turn begins with
  bool alternates = false;          // the template refuses all but user and assistant in turn
  bool trims = false;               // white space around contents is left out
  bool drops_thinking = false;      // of what the assistant said, all up to "</think>" is left out
};

/// Returns the model's. Throws Error if its tokenizer lacks the tokens, or for a template that does anything else, naming that.
ChatTemplate find_chat_template(const TextModel& model);
/// Returns the same of a template's text; empty: only the tokens say. `path` names the model in messages.
ChatTemplate find_chat_template(const Tokenizer& tokenizer, std::string_view text, std::string_view path);

/// Returns the names of all tokens that begin or end turns and their headers.
std::vector<std::string> chat_token_names();

/// Returns the tokens that end a turn, and with it the sample: turn_end, and the one that ends it to call a tool.
std::vector<TokenId> turn_ends(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace lm
