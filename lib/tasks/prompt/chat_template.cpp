#include "tasks/prompt/chat_template.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

#include "base/error.h"
#include "base/json.h"
#include "tasks/prompt/template_texts.h"
#include "tasks/prompt/template_trial.h"

namespace lm {
namespace {

constexpr std::string_view kAdvice =
    "; write the turns yourself, as the model's documentation has them, with --special allow";

/// The forms of turns: names of their tokens, and what a prompt ends with.
struct ChatForm {
  ChatKind kind;
  std::string_view turn_begin, header_end, turn_end;
  std::string_view generation_prompt;
};
constexpr std::array<ChatForm, 3> kForms = {
    {{ChatKind::chatml, "<|im_start|>", "", "<|im_end|>", "<|im_start|>assistant\n"},
     {ChatKind::llama3, "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
      "<|start_header_id|>assistant<|end_header_id|>\n\n"},
     {ChatKind::gemma, "<start_of_turn>", "", "<end_of_turn>", "<start_of_turn>model\n"}}};
// Ends a turn of Llama 3.1 that asks for a tool's answer.
constexpr std::string_view kToolTurnEnd = "<|eom_id|>";
// What templates write only for tools, which no plain conversation has.
constexpr std::array<std::string_view, 10> kToolWords = {"call(",     "\"name\"",   "tool",    "Tool",      "function",
                                                         "arguments", "parameters", "ipython", "variables", "python_tag"};
constexpr std::string_view kToday = "Today Date: ";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool has_form(const Tokenizer& tokenizer, const ChatForm& form) {
  return tokenizer.id_of(form.turn_begin) && tokenizer.id_of(form.turn_end) &&
         (form.header_end.empty() || tokenizer.id_of(form.header_end));
}

std::string names_of(const ChatForm& form) {
  return std::string(form.turn_begin) + " and " + std::string(form.turn_end) + " (" + to_string(form.kind) + ")";
}

/// Reads a template for one tokenizer.
class ChatTemplateReader {
 public:
  ChatTemplateReader(const Tokenizer& tokenizer, std::string_view text, std::string_view path)
      : tokenizer_(tokenizer),
        config_(tokenizer.config_json().empty() ? JsonValue()
                                                : JsonValue::parse(tokenizer.config_json(), "tokenizer_config.json")),
        template_(cut_jinja(text)),
        texts_(template_texts(template_)),
        has_template_(!text.empty()),
        path_(path),
        begin_(token_name("bos_token")) {}

  ChatTemplate read() {
    const ChatForm& form = find_form();
    result_.kind = form.kind;
    result_.turn_begin = *tokenizer_.id_of(form.turn_begin);
    result_.turn_end = *tokenizer_.id_of(form.turn_end);
    if (!form.header_end.empty()) result_.header_end = *tokenizer_.id_of(form.header_end);
    if (has_template_) {
      read_facts(form);
      check_generation_prompt(form);
      check_texts(form);
      check_by_trial();
    } else if (form.kind != ChatKind::chatml) {
      result_.trims = true;
      result_.begin = tokenizer_.id_of(begin_);
      if (form.kind == ChatKind::gemma) result_.system = ChatSystem::refused;
    }
    return std::move(result_);
  }

 private:
  std::string token_name(std::string_view key) const {
    const JsonValue* name = config_.find(key);
    if (name != nullptr && name->if_object() != nullptr) name = name->find("content");  // an AddedToken
    return name != nullptr && name->if_string() != nullptr ? *name->if_string() : std::string();
  }

  const ChatForm& find_form() const {
    const auto is_it = [&](const ChatForm& form) {
      if (!has_template_) return has_form(tokenizer_, form);
      return std::any_of(texts_.everywhere.begin(), texts_.everywhere.end(),
                         [&](const std::string& text) { return contains(text, form.turn_begin); });
    };
    std::vector<const ChatForm*> found;
    for (const ChatForm& form : kForms) {
      if (is_it(form)) found.push_back(&form);
    }
    if (found.size() == 1 && has_form(tokenizer_, *found.front())) return *found.front();
    if (found.size() == 1)
      refuse("its template writes the turns of " + names_of(*found.front()) + ", which its tokenizer lacks");
    if (has_template_) refuse("its template writes no turns of ChatML, Llama 3 or Gemma, but " + seen());
    std::string all;
    for (const ChatForm& form : kForms) all += (all.empty() ? "" : ", ") + names_of(form);
    refuse(found.empty() ? "it has no chat template, and its tokenizer has none of " + all + ": it is no instruct model"
                         : "it has no chat template, and its tokenizer has the tokens of several forms of turns");
  }

  /// Returns the first texts that a template writes, for people.
  std::string seen() const {
    std::string list;
    for (const std::string& text : texts_.everywhere) {
      if (text.find_first_not_of(" \t\r\n") == std::string::npos || list.size() > 100) continue;
      list += (list.empty() ? "" : ", ") + json_quote(text.substr(0, 40));
    }
    return list.empty() ? "nothing that is known" : list;
  }

  void read_facts(const ChatForm& form) {
    result_.trims = code_trims();
    result_.drops_thinking = form.kind == ChatKind::chatml &&
                             (contains(texts_.code, "split('</think>')") || contains(texts_.code, "split(\"</think>\")"));
    // SmolLM2's is the token that begins turns.
    const bool begins = contains(texts_.code, "bos_token") || (begin_ != form.turn_begin && writes(begin_));
    if (begins && !begin_.empty()) {
      result_.begin = tokenizer_.id_of(begin_);
      if (!result_.begin) refuse("its tokenizer lacks the " + begin_ + " that its template begins with");
    }
    if (form.kind == ChatKind::chatml) find_default_system();
    if (form.kind == ChatKind::llama3) find_dates();
    if (form.kind == ChatKind::gemma)
      result_.system = contains(texts_.code, "first_user_prefix") ? ChatSystem::first_user : ChatSystem::refused;
  }

  bool writes(std::string_view part) const {
    return !part.empty() && std::any_of(texts_.everywhere.begin(), texts_.everywhere.end(),
                                        [&](const std::string& text) { return contains(text, part); });
  }

  /// Returns whether the code has content, or message['content'], before "| trim" or ".strip()".
  bool code_trims() const {
    const std::string_view code = texts_.code;
    for (std::size_t at = code.find("content"); at != std::string_view::npos; at = code.find("content", at + 1)) {
      const std::size_t next = code.find_first_not_of("'\")] ", at + std::string_view("content").size());
      if (next == std::string_view::npos) break;
      const std::string_view rest = code.substr(next);
      const std::size_t filter = rest.find_first_not_of("| ");
      if (rest.starts_with(".strip()")) return true;
      if (rest.front() == '|' && filter != std::string_view::npos && rest.substr(filter).starts_with("trim")) return true;
    }
    return false;
  }

  /// Finds the text of a whole system turn.
  void find_default_system() {
    constexpr std::string_view kBegin = "<|im_start|>system\n", kEnd = "<|im_end|>";
    for (const std::string& text : texts_.everywhere) {
      const std::size_t begin = text.find(kBegin);
      const std::size_t end = begin == std::string::npos ? begin : text.find(kEnd, begin);
      if (end == std::string::npos) continue;
      const std::string content = text.substr(begin + kBegin.size(), end - begin - kBegin.size());
      if (!result_.default_system.empty() && content != result_.default_system)
        refuse("its template has several default system messages");
      result_.default_system = content;
    }
  }

  /// Finds the dates that a system turn begins with; today's where the template asks no clock.
  void find_dates() {
    if (!writes(kToday)) return;
    constexpr std::string_view kCutting = "Cutting Knowledge Date: ";
    const auto cutting = std::find_if(texts_.everywhere.begin(), texts_.everywhere.end(),
                                      [&](const std::string& text) { return text.starts_with(kCutting); });
    const auto date = std::find_if(texts_.everywhere.begin(), texts_.everywhere.end(), is_date);
    if (cutting == texts_.everywhere.end() || date == texts_.everywhere.end())
      refuse("its template writes dates that are not stated in it");
    result_.system = ChatSystem::dated;
    result_.dates = *cutting + std::string(kToday) + *date + "\n\n";
  }

  /// Returns whether a text is of the form "26 Jul 2024".
  static bool is_date(const std::string& text) {
    constexpr std::string_view kForm = "00 Aaa 0000";
    if (text.size() != kForm.size()) return false;
    return std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
      const auto letter = static_cast<unsigned char>(c);
      return form == ' ' ? c == ' ' : form == '0' ? std::isdigit(letter) != 0 : std::isalpha(letter) != 0;
    });
  }

  void check_generation_prompt(const ChatForm& form) const {
    const std::vector<std::string>& texts = texts_.generation_prompt;
    std::string all;
    for (const std::string& text : texts) all += text;
    if (texts_.writes_blanks) refuse("its template writes white space outside of its tags");
    if (texts.empty()) refuse("its template does not say how a prompt ends (add_generation_prompt)");
    if (all == form.generation_prompt) return;
    // Qwen 3: an empty thought, if thinking is turned off.
    const std::string_view end = std::string_view(texts_.code).substr(texts_.code.rfind("add_generation_prompt"));
    const bool off = contains(end, "enable_thinking is false") && !contains(end, "else");
    if (off && texts.size() == 2 && texts[0] == form.generation_prompt) return;
    refuse("its template ends a prompt with " + json_quote(all.substr(0, 100)));
  }

  /// Refuses a template that writes what is not known.
  void check_texts(const ChatForm& form) const {
    for (const std::string& text : texts_.everywhere) {
      if (is_known(text, form)) continue;
      refuse("its template writes " + json_quote(text.substr(0, 100)) + " in turns of " + to_string(form.kind) +
             ", and when is not known");
    }
  }

  bool is_known(std::string text, const ChatForm& form) const {
    const bool of_tools =
        std::any_of(kToolWords.begin(), kToolWords.end(), [&](std::string_view word) { return contains(text, word); });
    if (of_tools || is_date(text)) return true;
    const auto leave_out = [&](std::string_view part) {
      if (part.empty()) return;
      for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part)) text.erase(at, part.size());
    };
    for (const std::string_view part : {form.turn_begin, form.header_end, form.turn_end, std::string_view(begin_),
                                        std::string_view(result_.default_system), std::string_view(result_.dates)})
      leave_out(part);
    if (form.kind == ChatKind::llama3) leave_out(kToolTurnEnd);
    if (form.kind == ChatKind::gemma) leave_out("<start_of_image>");
    if (result_.drops_thinking) {
      for (const std::string_view part : {"<think>", "</think>"}) leave_out(part);
    }
    if (!result_.dates.empty() && contains(result_.dates, text)) return true;
    for (const std::string_view role : {"system", "user", "assistant", "model"}) leave_out(role);
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0; });
  }

  void check_by_trial() {
    JsonValue::Object variables;
    for (const char* key : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
      if (std::string name = token_name(key); !name.empty()) variables.emplace_back(key, std::move(name));
    }
    try {
      try_chat_template(result_, tokenizer_, template_, std::move(variables));
    } catch (const Error& error) {
      refuse("its template " + std::string(error.what()));
    }
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("cannot chat with '" + std::string(path_) + "': " + why + std::string(kAdvice));
  }

  const Tokenizer& tokenizer_;
  JsonValue config_;  // of the tokenizer
  JinjaTemplate template_;
  TemplateTexts texts_;
  bool has_template_;
  std::string_view path_;
  std::string begin_;  // the name of the token before texts; empty if the configuration names none
  ChatTemplate result_;
};

/// Returns the template that a configuration has: a text, or of a list the one that is named "default".
std::string template_of(const JsonValue& config) {
  const JsonValue* value = config.find("chat_template");
  if (value == nullptr) return {};
  if (value->if_string() != nullptr) return *value->if_string();
  for (const JsonValue& each : value->if_array() != nullptr ? *value->if_array() : JsonValue::Array()) {
    const JsonValue* name = each.find("name");
    const JsonValue* text = each.find("template");
    const bool is_default = name != nullptr && name->if_string() != nullptr && *name->if_string() == "default";
    if (is_default && text != nullptr && text->if_string() != nullptr) return *text->if_string();
  }
  return {};
}

}  // namespace

ChatTemplate find_chat_template(const Tokenizer& tokenizer, std::string_view text, std::string_view path) {
  return ChatTemplateReader(tokenizer, text, path).read();
}

ChatTemplate find_chat_template(const TextModel& model) {
  std::string text;
  const std::string& config = model.tokenizer.config_json();
  if (!config.empty()) text = template_of(JsonValue::parse(config, "tokenizer_config.json"));
  const FolderTexts& folder = model.model.record.folder;
  if (const auto kept = folder.find("tokenizer_config.json"); text.empty() && kept != folder.end())
    text = template_of(JsonValue::parse(kept->second, "tokenizer_config.json"));
  if (const auto kept = folder.find("chat_template.jinja"); text.empty() && kept != folder.end()) text = kept->second;
  return find_chat_template(model.tokenizer, text, model.path());
}

std::vector<std::string> chat_token_names() {
  std::vector<std::string> names;
  for (const ChatForm& form : kForms) {
    for (const std::string_view name : {form.turn_begin, form.header_end, form.turn_end}) {
      if (!name.empty()) names.emplace_back(name);
    }
  }
  names.emplace_back(kToolTurnEnd);
  return names;
}

std::vector<TokenId> turn_ends(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  std::vector<TokenId> ends = {chat.turn_end};
  if (chat.kind != ChatKind::llama3) return ends;
  if (const std::optional<TokenId> id = tokenizer.id_of(kToolTurnEnd)) add_end(ends, *id);
  return ends;
}

}  // namespace lm
