// The scores of single tokens and of the words that they make up, as a document's tokens come.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/choice.h"
#include "base/token.h"
#include "infer/score.h"

namespace lm {

/// Bytes of a document.
struct ByteSpan {
  std::int64_t start = 0;
  std::int64_t end = 0;
};

/// A token of a document. What its score says is of the distribution that it was predicted from.
struct TokenScore {
  std::int64_t document = 0;  // number, from 0
  std::int64_t index = 0;     // in the document, from 0
  TokenId id = 0;
  std::string text;              // what it adds to the document; empty for special tokens
  std::optional<ByteSpan> span;  // of that; unknown where the tokenizer has changed the text
  bool scored = false;           // else the score means nothing
  TargetScore score;
};

/// A word of a document: the sum of its tokens.
struct WordScore {
  std::int64_t document = 0;
  std::int64_t index = 0;
  std::string word;  // without the whitespace around it
  ByteSpan span;
  std::int64_t tokens = 0;  // 0: the word ends inside of the token that it begins in, which counts for the word before
  /// The sum over the tokens; empty if there is none, or if one is not scored.
  std::optional<double> nats;
  /// The same with the correction for vocabularies whose tokens begin with the space before a word (arXiv:2406.14561,
  /// arXiv:2406.10851): - log P(what follows begins a word | the word) + log P(it begins a word | what is before it).
  std::optional<double> corrected_nats;
};

/// What counts as the beginning of a word: `all` is definitions' rule (whitespace, or the end of the text), `space` that of
/// minicons (a space only).
enum class WordBegin { all, space };
template <>
inline constexpr auto kChoices<WordBegin> = choice_table<WordBegin>("beginning of words",
                                                                    {{"all", WordBegin::all}, {"space", WordBegin::space}});

/// A word that the user gives, and where it was given: "line 3 of 'words.txt'".
struct GivenWord {
  std::string text;
  std::string place;
};
/// Returns the next word of a document (its number); nothing if there is none left.
using NextWord = std::function<std::optional<GivenWord>(std::int64_t document)>;

/// Sums tokens to words. Words of its own reckoning begin with a token that begins with whitespace, or follows one that ends
/// with it. A given word begins where the one before ends, after whitespace; a token counts for the word in which it begins.
/// Tokens of only whitespace belong to the word that follows, at the end of a document to the last one.
class WordAssembler {
 public:
  using Handler = std::function<void(const WordScore& word)>;
  /// Words are its own until take_given() is called, before any token: then they are those of `next`.
  WordAssembler(WordBegin begin, NextWord next, Handler handler);
  void take_given();
  /// Throws Error if a token's span is unknown, or if a given word is not the next one of the text.
  void add(const TokenScore& token);
  /// Ends the document. `after` is of what follows its last token, if that was asked for.
  void end_document(const std::optional<TargetScore>& after);

 private:
  struct Group {  // tokens that follow each other
    std::string text;
    std::int64_t start = 0, end = 0;  // without the whitespace around it
    std::int64_t tokens = 0;
    double nats = 0;
    double before = 0;  // -log P(a word begins | what is before it); 0 if nothing separates the two
    bool scored = true;

    void add(const TokenScore& token);
    void add(const Group& other);
  };
  struct Open {  // a given word that begins at `start`
    GivenWord word;
    std::int64_t start = 0, end = 0;
  };
  double term_of(const TokenScore& token) const;
  void add_given(const TokenScore& token, double term);
  void open_next(std::int64_t document, std::int64_t start);
  void close_given(double after);
  std::optional<std::int64_t> next_visible(std::int64_t from) const;
  void emit(const Group& group, double after);

  WordBegin begin_;
  NextWord next_;
  Handler handler_;
  std::int64_t document_ = 0, index_ = 0;
  bool takes_given_ = false;
  bool started_ = false;
  bool ends_white_ = false;  // the last token's last byte is whitespace
  Group word_;               // that grows
  Group white_;              // tokens of only whitespace after it
  std::optional<Open> open_;
  std::string text_;  // with given words: of the document, from text_start_ on
  std::int64_t text_start_ = 0;
};

}  // namespace lm
