// WindowCutter: cuts a document into the windows that are scored, as a protocol wants them. (The windows that training reads
// are in data/windows.h.)
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/token.h"
#include "infer/score.h"

namespace lm {

/// How a document becomes a number. `strided` is the toolkit's own; the others reproduce what other programs publish.
enum class Protocol { strided, hf_stride, lm_eval, llama_cpp };
template <>
inline constexpr auto kChoices<Protocol> = choice_table<Protocol>("protocol", {{"strided", Protocol::strided},
                                                                               {"hf-stride", Protocol::hf_stride},
                                                                               {"lm-eval", Protocol::lm_eval},
                                                                               {"llama.cpp", Protocol::llama_cpp}});

/// Pseudo-log-likelihood of a masked model: each token is predicted from both sides while only it is hidden
/// (arXiv:1910.14659), or it and the later pieces of its word, which would give it away (arXiv:2305.10588).
enum class Pseudo { no, token, within_word };

/// What the windows follow from.
struct WindowPlan {
  Protocol protocol = Protocol::strided;
  Pseudo pseudo = Pseudo::no;  // if not no: the protocol is strided, and L tokens see each other
  std::int64_t context = 0;    // L: tokens that predict at most
  std::int64_t stride = 0;     // S: 1 <= S <= L; of no meaning to llama_cpp
  bool score_end = false;      // the end-of-text that closes a document is its last scored token; only strided and lm_eval
  bool leaves_tokens_out = false;  // that the tokenizer's post-processor would put after each document
  bool int8_products = false;      // the model computes with quantized weights as whole numbers
  std::string begin = {};          // names x_0 if it is not the model's own end-of-text
  std::string end = {};            // names what follows each window of a masked model, if anything does
  std::string end_of_text = {};    // names the end-of-text that the user gave, if any
};

/// What a protocol ends with if the tokenizer is meant to put tokens around a text.
constexpr const char* kTokensLeftOut = "; tokens of the post-processor left out";

/// Returns what to print beside a number: "context 256 stride 128", "hf-stride:512 context 1024" and so on.
std::string describe(const WindowPlan& plan);
/// Returns the end of that, which is of what stands around a text: " begin <s>", " end-of-text </s>" and so on; may be empty.
std::string describe_ends(const WindowPlan& plan);

/// A window, and how many tokens it counts for: the scored ones; in hf_stride one less, which is the weight that the loop in
/// Hugging Face's guide to the perplexity of fixed-length models gives it.
struct CutWindow {
  ScoredWindow scored;
  std::int64_t credited = 0;
};

/// Cuts documents that come in pieces, holding the tokens of one window. With x_0 = end-of-text or the tokenizer's begin token
/// and a document x_1 .. x_N:
///
///   strided    window k = 1, 2, ... scores x_(e_(k-1) + 1) .. x_(e_k), where e_0 = 0, e_1 = min(L, N) and
///              e_k = min(e_(k-1) + S, N), from the inputs x_max(0, e_k - L) .. x_(e_k - 1)
///   lm_eval    the same with S = L: its rolling windows
///   hf_stride  windows x_(kS + 1) .. x_min(kS + L, N), k = 0, 1, ..., without x_0; each scores what the windows before
///              it did not hold, but never its first token
///   llama_cpp  floor(N / L) windows of L tokens side by side, without x_0; of each it scores the tokens L/2 + 1 .. L - 1,
///              counted from 0; a begin token, if the tokenizer has one, opens the text and replaces the first of each window
///
/// Without an x_0 ("none") the first token is not scored. More than one begin token are one x_0 of several tokens.
class WindowCutter {
 public:
  using Emit = std::function<void(CutWindow window)>;
  /// What goes around the tokens of a document.
  struct Ends {
    std::vector<TokenId> opening;       // x_0; may be empty
    std::vector<TokenId> begin_tokens;  // the tokenizer's own; may be empty
    TokenId end_of_text = 0;            // the last token, if the plan scores it
    bool asks_after = false;            // what follows the last token is asked for, unless the plan scores it anyway
  };
  WindowCutter(const WindowPlan& plan, Ends ends, Emit emit);
  void add(std::span<const TokenId> tokens);
  /// Ends the document; the next add() begins another.
  void finish();

 private:
  std::int64_t end() const { return first_ + static_cast<std::int64_t>(tokens_.size()); }
  void begin();
  void emit(std::int64_t first, std::int64_t last, std::int64_t first_scored, std::int64_t credited,
            bool asks_after = false);
  void cut_strided(std::int64_t last_scored, bool asks_after = false);
  void cut_hugging_face(std::int64_t window_end);
  void cut_llama_cpp();
  void forget_before(std::int64_t place);

  WindowPlan plan_;
  Ends ends_;
  Emit emit_;
  std::vector<TokenId> tokens_;  // places [first_, end()) of the document; if there is an x_0, it has place 0
  std::int64_t first_ = 0;
  std::int64_t next_end_ = 0;    // place after the last of the next whole window
  std::int64_t scored_end_ = 0;  // place after the last that a window held
};

}  // namespace lm
