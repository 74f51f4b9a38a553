// Infilling as a service over a pair of pipes: a request a line, an answer a line, for editors.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/text_input.h"
#include "tasks/infill/infill.h"
#include "tasks/infill/request_queue.h"

namespace lm {

/// The most middles that one request may ask for.
constexpr std::int64_t kMaximumSamples = 64;

/// Returns the answer to one request, a JSON object: `middle` (with `samples` above 1 also `middles`, all of them), and
/// `tokens` and `end` of the first, or `error`; before these the request's `id`, whatever it is, as it is written there. A
/// request has the keys prefix and suffix, and in place of the defaults may have n temperature top_k top_p min_p seed stop
/// single_line samples. If it is given up (defaults.is_given_up), the error is `replaced`. Does not throw Error.
JsonValue answer_request(Infiller& infiller, std::string_view line, const InfillOptions& defaults);

/// Answers every line of `input`, each at once, until its end, while it reads on: a request whose `replaces` is the id of one
/// that waits or is being answered, as it is written there, ends that. Throws Error if reading or writing fails.
void serve_requests(Infiller& infiller, TextInput& input, OutputStream& output, const InfillOptions& defaults);

}  // namespace lm
