// Which tokens of a GGUF file end a text, as llama.cpp has it.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/gguf.h"
#include "base/token.h"

namespace lm {

/// Tokens that end texts and turns by their names, whatever a file says of them.
inline constexpr std::array<std::string_view, 22> kGgufEndNames = {"<|eot_id|>",
                                                                   "<|im_end|>",
                                                                   "<|end|>",
                                                                   "<|return|>",
                                                                   "<|call|>",
                                                                   "<|flush|>",
                                                                   "<|calls|>",
                                                                   "<end_of_turn>",
                                                                   "<|endoftext|>",
                                                                   "</s>",
                                                                   "<|eom_id|>",
                                                                   "<EOT>",
                                                                   "_<EOT>",
                                                                   "[EOT]",
                                                                   "[EOS]",
                                                                   "<|end_of_text|>",
                                                                   "<end_of_utterance>",
                                                                   "<eos>",
                                                                   "<turn|>",
                                                                   "<|tool_response>",
                                                                   "<｜end▁of▁sentence｜>",
                                                                   "[e~["};

/// Returns the ids below `vocab_size` that end a text, ascending: those that the file names as its end (of a text, a turn, a
/// message), and the tokens of those names, except where a vocabulary has them as parts of a text. Throws Error for a file
/// whose tokens are no strings.
std::vector<TokenId> gguf_text_ends(const GgufFile& file, std::int64_t vocab_size);

}  // namespace lm
