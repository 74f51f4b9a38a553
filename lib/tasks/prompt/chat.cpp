#include "tasks/prompt/chat.h"

#include <utility>

#include "base/error.h"
#include "base/path.h"
#include "base/text_input.h"
#include "tasks/prompt/next_tokens.h"
#include "text/documents_json.h"

namespace lm {
namespace {

constexpr const char* kConversation = "the conversation";

}  // namespace

ChatAnswerer::ChatAnswerer(Compute& compute, const TextModel& model, OutputStream& output, SampleRequest request,
                           std::optional<std::string> system, SampleEvents events, const DecodingOptions& decoding)
    : model_(model),
      output_(output),
      request_(std::move(request)),
      system_(std::move(system)),
      events_(std::move(events)),
      chat_(find_chat_template(model)),
      writer_(make_sample_writer(output, model, request_.output)) {
  if (system_) check_conversation(chat_, with_system({{.role = ChatRole::user, .content = {}}}), kConversation);
  request_.prompting.draw.ends = turn_ends(chat_, model.tokenizer);
  model.require_embedded(request_.prompting.draw.ends, "the turns of its template");
  prompter_.emplace(compute, model, request_.prompting, decoding);
}

Conversation ChatAnswerer::with_system(Conversation messages) const {
  const bool has_one = !messages.empty() && messages.front().role == ChatRole::system;
  if (system_ && !has_one) messages.insert(messages.begin(), {.role = ChatRole::system, .content = *system_});
  return messages;
}

void ChatAnswerer::read(Conversation messages) {
  std::int64_t left_out = 0;
  const PromptTokens prompt = encode_fitting(model_, chat_, std::move(messages), request_.prompting.max_tokens, left_out);
  if (left_out > 0) {
    events_.warn("the conversation is longer than the context of " + std::to_string(model_.config().context_length) +
                 " tokens: its first " + std::to_string(left_out) + " messages are left out");
  }
  prompter_->read(prompt);
}

/// Begins each sample, and has them written, as many together as may be begun.
void ChatAnswerer::sample_all(const std::function<void(std::int64_t number)>& begin, const std::function<void()>& write) {
  const std::int64_t together = prompter_->most_begun();
  for (std::int64_t number = 0; number < request_.samples; ++number) {
    begin(number);
    if ((number + 1) % together == 0 || number + 1 == request_.samples) write();
  }
}

void ChatAnswerer::answer(std::string_view text) {
  read(with_system({{.role = ChatRole::user, .content = std::string(text)}}));
  if (request_.candidates) {
    const NextTokensForm form = request_.output.json ? NextTokensForm::json
                                : request_.bars      ? NextTokensForm::bars
                                                     : NextTokensForm::text;
    return output_.write(next_tokens_report(keep_likeliest(prompter_->next_tokens(), *request_.candidates), model_, form));
  }
  sample_all([&](std::int64_t number) { writer_->begin(*prompter_, text, number); },
             [&] { writer_->write_all(*prompter_); });
}

void ChatAnswerer::answer_record(const JsonValue& record, const std::string& source) {
  Conversation messages = with_system(conversation_of(record, source));
  check_conversation(chat_, messages, source);
  read(std::move(messages));
  std::int64_t first = 0;
  std::vector<std::string> texts;
  const auto begin = [&](std::int64_t number) {
    const std::size_t place = texts.size();
    texts.emplace_back();
    prompter_->begin(number, [&texts, place](std::string_view piece) { texts[place] += piece; });
  };
  const auto write = [&](const Sample& sample, std::int64_t number, std::string text) {
    JsonValue::Array answered = *record.find("messages")->if_array();
    JsonValue message;
    message.set("role", to_string(ChatRole::assistant)).set("content", std::move(text));
    answered.push_back(std::move(message));
    JsonValue json = record;
    json.set("messages", std::move(answered));
    if (request_.samples > 1) json.set("sample", number);
    json.set("tokens", std::ssize(sample.ids)).set("end", to_string(sample.end));
    if (sample.end_token) json.set("end_token", model_.bytes_of(*sample.end_token));
    output_.write(json.dump() + "\n");
    output_.flush();
  };
  sample_all(begin, [&] {
    const std::vector<Sample> samples = prompter_->finish_all();
    for (std::size_t i = 0; i < samples.size(); ++i) write(samples[i], first++, std::move(texts[i]));
    texts.clear();
  });
}

void ChatAnswerer::talk(const std::function<std::optional<std::string>()>& next_line) {
  Conversation messages = with_system({});
  while (std::optional<std::string> line = next_line()) {
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    messages.push_back({.role = ChatRole::user, .content = std::move(*line)});
    read(messages);
    std::string said;
    prompter_->sample(0, [&](std::string_view text) {
      said += text;
      output_.write(text);
      output_.flush();
    });
    output_.write("\n");
    output_.flush();
    messages.push_back({.role = ChatRole::assistant, .content = std::move(said)});
  }
}

void ChatAnswerer::finish() {
  if (!request_.candidates) writer_->finish();
}

void for_each_chat_record(const PromptSource& source,
                          const std::function<void(const JsonValue& record, const std::string& source)>& visit) {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  const std::vector<std::string> inputs = source.paths.empty() ? std::vector<std::string>{"-"} : source.paths;
  const Accept accept = source.documents.accept;
  check_text_inputs(FileUse::text, inputs, accept);
  for (const std::string& path : inputs) {
    JsonRecords records([&](std::string_view record, const std::string& place) {
      const std::string name = place + " of " + input_name(path);
      visit(JsonValue::parse(record, name), name);
    });
    TextInput input(open_input(path), FileUse::text, accept);
    records.begin(input.name());
    std::string buffer(kPiece, '\0');
    while (const std::size_t size = input.read_once(buffer.data(), buffer.size())) records.feed({buffer.data(), size});
    records.end();
  }
}

}  // namespace lm
