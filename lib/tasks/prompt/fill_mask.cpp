#include "tasks/prompt/fill_mask.h"

#include "base/error.h"
#include "base/json.h"
#include "model/activations.h"
#include "model/transformer.h"
#include "tasks/load_tokenizer.h"
#include "tasks/score/pseudo_likelihood.h"

namespace lm {
namespace {

/// The likeliest tokens of each row.
class LikeliestSink : public RowSink<float> {
 public:
  explicit LikeliestSink(std::int64_t count) : count_(count) {}
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override {
    for (std::int64_t i = 0; i < std::ssize(rows); ++i) {
      result.push_back(keep_likeliest(model_distribution({logits.row(i), logits.columns()}), count_));
    }
  }
  std::vector<NextTokens> result;

 private:
  std::int64_t count_;
};

}  // namespace

std::vector<NextTokens> fill_masks(Compute& compute, const TextModel& model, std::span<const TokenId> ids,
                                   std::int64_t count) {
  require_masked(model);
  const TokenId mask = *special_ids(model.tokenizer).mask;
  const auto shift = static_cast<std::size_t>(masked_output_shift(model));
  Batch batch;
  batch.sequences = 1;
  batch.input = model.tokenizer.opening();
  const std::size_t first = std::max(batch.input.size(), shift);
  batch.input.insert(batch.input.end(), ids.begin(), ids.end());
  const std::vector<TokenId> closing = model.closing();
  batch.input.insert(batch.input.end(), closing.begin(), closing.end());
  batch.length = std::ssize(batch.input);
  batch.prefix_length = {batch.length};
  if (batch.length > model.config().context_length) {
    throw Error("the text is too long: with what is put around it, it has " + std::to_string(batch.length) +
                " tokens, and the context of '" + model.path() + "' is " + std::to_string(model.config().context_length));
  }
  model.require_embedded(batch.input);
  batch.target.assign(batch.input.size(), 0);
  batch.weight.assign(batch.input.size(), 0);
  for (std::size_t i = first; i < batch.input.size(); ++i) {
    if (batch.input[i] == mask) batch.weight[i - shift] = 1;
  }
  Activations<float> activations(model.config(), 1, batch.length, Keep::scoring);
  LikeliestSink sink(count);
  Transformer<float>(compute, model.parameters()).score(batch, activations, sink);
  return std::move(sink.result);
}

std::string fill_masks_report(const std::vector<NextTokens>& masks, const TextModel& model, std::string_view prompt,
                              NextTokensForm form) {
  std::string report;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (form != NextTokensForm::json) {
      report += (i == 0 ? "" : "\n") + next_tokens_report(masks[i], model, form);
      continue;
    }
    JsonValue::Array best;
    for (const Candidate& candidate : masks[i].likeliest) best.push_back(to_json(candidate, model));
    JsonValue line;
    line.set("prompt", prompt);
    line.set("mask", static_cast<std::int64_t>(i));
    line.set("entropy", masks[i].entropy);
    line.set("best", std::move(best));
    report += line.dump() + "\n";
  }
  return report;
}

}  // namespace lm
