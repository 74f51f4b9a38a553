// Infilling as a service over a pair of pipes: a request a line, an answer a line, for editors.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/text_input.h"
#include "tasks/infill/infill.h"

namespace lm {

/// The most bytes that a request's line may have.
constexpr std::size_t kMaximumRequest = std::size_t{16} << 20;
/// The most middles that one request may ask for.
constexpr std::int64_t kMaximumSamples = 64;

/// Reads the lines of an input, as they come, in bounded memory.
class LineReader {
 public:
  LineReader(TextInput& input, std::size_t maximum);
  enum class Line { line, too_long, end };
  /// Reads the next line without its newline; of one that is too long nothing is kept. A last line may lack its newline.
  Line next(std::string& line);

 private:
  bool fill();
  TextInput& input_;
  std::size_t maximum_;
  std::string buffer_;
  std::size_t start_ = 0;  // of what is unread in buffer_
};

/// Returns the answer to one request, a JSON object: `middle` (with `samples` above 1 also `middles`, all of them), and
/// `tokens` and `end` of the first, or `error`; before these the request's `id`, whatever it is, as it is written there. A
/// request has the keys prefix and suffix, and in place of the defaults may have n temperature top_k top_p min_p seed stop
/// single_line samples. Does not throw Error.
JsonValue answer_request(Infiller& infiller, std::string_view line, const InfillOptions& defaults);

/// Answers every line of `input`, each at once, until its end. Throws Error if reading or writing fails.
void serve_requests(Infiller& infiller, TextInput& input, OutputStream& output, const InfillOptions& defaults);

}  // namespace lm
