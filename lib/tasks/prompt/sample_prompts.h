// Answering prompts: each is continued, or its gaps are filled, or the likeliest next tokens are listed, and the result is
// written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "kernels/compute.h"
#include "tasks/prompt/next_tokens.h"
#include "tasks/prompt/prompt.h"
#include "tasks/prompt/prompt_output.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/prompt/span_fill.h"
#include "tasks/text_model.h"
#include "text/documents.h"

namespace lm {

struct SampleRequest {
  PromptOptions prompting = {};
  SpecialTokens special = SpecialTokens::plain;  // what prompts that spell special tokens mean
  std::int64_t samples = 1;                      // of each prompt
  std::optional<std::int64_t> candidates = {};   // list so many next tokens instead of sampling; of each mask 5 by default
  SampleOutput output = {};
  bool bars = false;      // lists are for a terminal
  bool together = false;  // continuations of several prompts are sampled at once, and answered a little later
};

/// What the caller wants to know of while prompts are answered.
struct SampleEvents {
  std::function<void(PromptKind kind)> kind;             // of a prompt, before it is answered; may throw to refuse it
  std::function<void(const std::string& warning)> warn;  // may be called at every prompt
};

/// Answers one prompt after the other; what an answer needs is made when the first prompt needs it.
class PromptAnswerer {
 public:
  /// Compute, model, output and what the decoding options name outlive it.
  PromptAnswerer(Compute& compute, const TextModel& model, OutputStream& output, SampleRequest request, SampleEvents events,
                 const DecodingOptions& decoding = {});

  /// Writes the answer to a prompt, or begins it (SampleRequest::together). Throws Error if the model can do nothing with it; what
  /// was begun before has then been written.
  void answer(std::string_view prompt);
  /// Writes what was begun, and what closes the format.
  void finish();

 private:
  NextTokensForm form() const;
  void warn_of_gaps(std::string_view prompt);
  void answer_kind(std::string_view prompt);
  void write_begun();
  void continue_prompt(std::string_view prompt, const PromptTokens& tokens);
  void fill_spans(std::string_view prompt, const PromptTokens& tokens);
  void list_masks(std::string_view prompt, const PromptTokens& tokens);

  Compute& compute_;
  const TextModel& model_;
  OutputStream& output_;
  SampleRequest request_;
  SampleEvents events_;
  DecodingOptions decoding_;
  std::unique_ptr<SampleWriter> writer_;
  std::int64_t begun_ = 0;  // samples
  std::optional<Prompter> prompter_;
  std::optional<SpanFiller> span_filler_;
  bool first_ = true;  // no gap has been filled yet
  bool warned_of_gaps_ = false;
};

/// Where prompts come from.
struct PromptSource {
  std::vector<std::string> paths = {};  // none: standard input
  DocumentKind documents = {};          // how files are cut into prompts
  bool keep_newline = false;            // the one that ends a file, and the carriage return that ends a line
};

/// Calls visit with each prompt; a file that is one prompt has one even if it is empty. Throws Error.
void for_each_prompt(const PromptSource& source, const std::function<void(std::string_view prompt)>& visit);

}  // namespace lm
