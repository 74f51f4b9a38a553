// What lm-sample prints: samples as text, JSON, ids or a token stream, and lists of next tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "infer/sampler.h"
#include "tasks/load_model.h"
#include "tasks/prompt.h"

namespace lm {

enum class SampleFormat { text, lm, ids };

struct SampleOutput {
  SampleFormat format = SampleFormat::text;
  bool json = false;  // in place of text: one object a line, keys prompt sample text tokens end
  bool echo = false;  // the prompt stands before the sample; JSON has it in any case
};

/// Writes samples one after the other. Text goes out as it comes, a blank line between samples.
class SampleWriter {
 public:
  virtual ~SampleWriter() = default;
  /// Draws sample `number` of the prompt that the prompter has read, and writes it.
  virtual void sample(Prompter& prompter, std::string_view prompt, std::int64_t number) = 0;
  virtual void finish() = 0;
};

/// Output and model outlive the writer.
std::unique_ptr<SampleWriter> make_sample_writer(OutputStream& output, const TextModel& model, const SampleOutput& options);

/// The first `count` candidates: for people a line of probability, id and the piece quoted as in JSON; else JSON lines with
/// the keys id, piece and p.
std::string next_tokens_report(const std::vector<Candidate>& candidates, const TextModel& model, std::int64_t count,
                               bool json);

}  // namespace lm
