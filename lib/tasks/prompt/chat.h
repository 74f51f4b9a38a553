// Chatting: questions and whole conversations in, the assistant's answers out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "kernels/compute.h"
#include "tasks/prompt/chat_template.h"
#include "tasks/prompt/conversation.h"
#include "tasks/prompt/prompt.h"
#include "tasks/prompt/prompt_output.h"
#include "tasks/prompt/sample_prompts.h"
#include "tasks/text_model.h"

namespace lm {

/// Answers one conversation after the other.
class ChatAnswerer {
 public:
  /// system: the system message of conversations that have none; of a record, too. Compute, model and output outlive it.
  /// So does what the decoding options name. Throws Error if the model has no turns that are known, or does not know the system's.
  ChatAnswerer(Compute& compute, const TextModel& model, OutputStream& output, SampleRequest request,
               std::optional<std::string> system, SampleEvents events, const DecodingOptions& decoding = {});

  /// Writes the answers to what the user says, in the form that is asked for, as those to a prompt.
  void answer(std::string_view text);
  /// Writes for each sample the record, a line of JSON, with the answer as one more of its messages, and the keys tokens, end
  /// and end_token; with several samples also sample (its number from 0). `source` names the record.
  void answer_record(const JsonValue& record, const std::string& source);
  /// Answers lines, until there are none, each with all that was said before.
  void talk(const std::function<std::optional<std::string>()>& next_line);
  /// Writes what closes the format.
  void finish();

 private:
  Conversation with_system(Conversation messages) const;
  void read(Conversation messages);
  void sample_all(const std::function<void(std::int64_t number)>& begin, const std::function<void()>& write);

  const TextModel& model_;
  OutputStream& output_;
  SampleRequest request_;
  std::optional<std::string> system_;
  SampleEvents events_;
  ChatTemplate chat_;
  std::unique_ptr<SampleWriter> writer_;
  std::optional<Prompter> prompter_;
};

/// Calls visit with each record of files ("-" and no path at all: standard input), lines of JSON or one array, and where it is.
/// Throws Error, for what is no JSON naming the place.
void for_each_chat_record(const PromptSource& source,
                          const std::function<void(const JsonValue& record, const std::string& source)>& visit);

}  // namespace lm
