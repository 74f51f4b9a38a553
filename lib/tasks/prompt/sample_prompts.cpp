#include "tasks/prompt/sample_prompts.h"

#include <utility>
#include <vector>

#include "tasks/prompt/fill_mask.h"

namespace lm {
namespace {

constexpr std::int64_t kMaskCandidates = 5;

}  // namespace

PromptAnswerer::PromptAnswerer(Compute& compute, const TextModel& model, OutputStream& output, SampleRequest request,
                               SampleEvents events, const DecodingOptions& decoding)
    : compute_(compute),
      model_(model),
      output_(output),
      request_(std::move(request)),
      events_(std::move(events)),
      decoding_(decoding),
      writer_(make_sample_writer(output, model, request_.output)) {}

NextTokensForm PromptAnswerer::form() const {
  if (request_.output.json) return NextTokensForm::json;
  return request_.bars ? NextTokensForm::bars : NextTokensForm::text;
}

void PromptAnswerer::answer(std::string_view prompt) {
  try {
    answer_kind(prompt);
  } catch (...) {
    write_begun();
    throw;
  }
}

void PromptAnswerer::answer_kind(std::string_view prompt) {
  const PromptTokens tokens = encode_prompt(model_, prompt, request_.special);
  warn_of_gaps(prompt);
  events_.kind(tokens.kind);
  switch (tokens.kind) {
    case PromptKind::continuation:
      return continue_prompt(prompt, tokens);
    case PromptKind::spans:
      write_begun();
      return fill_spans(prompt, tokens);
    case PromptKind::masks:
      write_begun();
      return list_masks(prompt, tokens);
  }
}

void PromptAnswerer::write_begun() {
  if (begun_ == 0) return;
  begun_ = 0;
  writer_->write_all(*prompter_);
}

void PromptAnswerer::finish() {
  write_begun();
  if (!request_.candidates) writer_->finish();
}

/// What looks like a gap, but is none to this model, is most likely a mistake.
void PromptAnswerer::warn_of_gaps(std::string_view prompt) {
  const std::string gap = gap_without_meaning(model_, prompt);
  if (gap.empty() || warned_of_gaps_) return;
  warned_of_gaps_ = true;
  events_.warn("'" + gap + "' in the prompt is no gap: '" + model_.path() + "' was trained with the objective '" +
               model_.model.record.objective + "', which does not fill it" +
               (request_.special == SpecialTokens::plain ? "; it is taken as text" : ""));
}

void PromptAnswerer::continue_prompt(std::string_view prompt, const PromptTokens& tokens) {
  if (!prompter_) prompter_.emplace(compute_, model_, request_.prompting, decoding_);
  if (const std::int64_t left_out = prompter_->read(tokens); left_out > 0) {
    events_.warn("the prompt is longer than the context of " + std::to_string(model_.config().context_length) +
                 " tokens: its first " + std::to_string(left_out) + " are left out");
  }
  if (request_.candidates) {
    const NextTokens next = keep_likeliest(prompter_->next_tokens(), *request_.candidates);
    return output_.write(next_tokens_report(next, model_, form()));
  }
  for (std::int64_t number = 0; number < request_.samples; ++number) {
    if (begun_ > 0 && begun_ >= prompter_->most_begun()) write_begun();
    ++begun_;
    writer_->begin(*prompter_, prompt, number);
  }
  if (!request_.together) write_begun();
}

void PromptAnswerer::fill_spans(std::string_view prompt, const PromptTokens& tokens) {
  if (!span_filler_) span_filler_.emplace(compute_, model_, request_.prompting, decoding_);
  span_filler_->read(tokens.ids);
  for (std::int64_t number = 0; number < request_.samples; ++number) {
    const SpanSample sample = span_filler_->sample(number);
    if (request_.output.json) {
      output_.write(span_sample_json(sample, *span_filler_, model_, prompt, number));
    } else {
      output_.write((first_ ? "" : "\n") + readable_text(model_, span_filler_->filled(sample)) + "\n");
    }
    first_ = false;
    output_.flush();
  }
}

void PromptAnswerer::list_masks(std::string_view prompt, const PromptTokens& tokens) {
  const std::vector<NextTokens> masks =
      fill_masks(compute_, model_, tokens.ids, request_.candidates.value_or(kMaskCandidates));
  if (!request_.output.json && !first_) output_.write("\n");
  first_ = false;
  output_.write(fill_masks_report(masks, model_, prompt, form()));
}

void for_each_prompt(const PromptSource& source, const std::function<void(std::string_view prompt)>& visit) {
  const DocumentKind& kind = source.documents;
  const bool drop_newline = kind.kind == DocumentKind::Kind::file && !source.keep_newline;
  // The newline of a line is gone already.
  const bool drop_return = kind.kind == DocumentKind::Kind::line && !source.keep_newline;
  bool any = false;
  for_each_document(source.paths, kind, [&](std::string_view prompt) {
    any = true;
    if (drop_newline && prompt.ends_with('\n')) prompt.remove_suffix(prompt.ends_with("\r\n") ? 2 : 1);
    if (drop_return && prompt.ends_with('\r')) prompt.remove_suffix(1);
    visit(prompt);
  });
  if (!any && kind.kind == DocumentKind::Kind::file) visit({});
}

}  // namespace lm
