// What lm-sample prints of samples: text, JSON, ids or a token stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/choice.h"
#include "base/file.h"
#include "tasks/prompt/prompt.h"
#include "tasks/text_model.h"

namespace lm {

enum class SampleFormat { text, lm, ids };
template <>
inline constexpr auto kChoices<SampleFormat> = choice_table<SampleFormat>("format", {{"text", SampleFormat::text},
                                                                                     {"lm", SampleFormat::lm},
                                                                                     {"ids", SampleFormat::ids}});

struct SampleOutput {
  SampleFormat format = SampleFormat::text;
  bool json = false;  // in place of text: one object a line, keys prompt sample text tokens end, maybe end_token
  bool echo = false;  // the prompt before the sample; JSON has it in any case
};

/// Writes samples in order, a blank line between texts. Of those that are sampled together the first goes out as it comes.
class SampleWriter {
 public:
  virtual ~SampleWriter() = default;
  /// Begins sample `number` of the prompt that the prompter has read.
  virtual void begin(Prompter& prompter, std::string_view prompt, std::int64_t number) = 0;
  /// Draws all that were begun and writes them.
  virtual void write_all(Prompter& prompter) = 0;
  virtual void finish() = 0;
};

/// Returns the writer for a form. Output and model outlive it.
std::unique_ptr<SampleWriter> make_sample_writer(OutputStream& output, const TextModel& model, const SampleOutput& options);

}  // namespace lm
