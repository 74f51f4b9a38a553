#include "text/pattern/pre_tokenizer_steps.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/unicode/code_points.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

using Spans = std::vector<Pieces::Span>;
using Kind = PreTokenizer::Step::Kind;

/// Calls take(place, length, bits) for every character.
template <class Take>
void for_each_class(std::string_view text, const CodePointTable& table, const Take& take) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const auto byte = static_cast<unsigned char>(*at);
    const DecodedChar c = byte < 0x80 ? DecodedChar{byte, 1} : decode_utf8(at, end);
    take(static_cast<std::size_t>(at - text.data()), c.length, table.of(c.code_point));
    at += c.length;
  }
}

/// Every match by itself, and what is between them.
void class_spans(std::string_view text, std::uint8_t classes, Spans& spans) {
  std::size_t done = 0;
  for_each_class(text, component_classes(), [&](std::size_t at, std::size_t length, std::uint8_t bits) {
    if ((bits & classes) == 0) return;
    if (done < at) spans.push_back({done, at, false});
    done = at + length;
    spans.push_back({at, done, true});
  });
  if (done < text.size()) spans.push_back({done, text.size(), false});
}

void word_spans(std::string_view text, Spans& spans) {
  constexpr std::uint8_t both = ComponentClass::word | ComponentClass::space;
  int last = -1;
  for_each_class(text, component_classes(), [&](std::size_t at, std::size_t length, std::uint8_t bits) {
    const int kind = (bits & ComponentClass::word) != 0 ? ComponentClass::word : bits & both;
    if (kind != last) spans.push_back({at, at, kind == ComponentClass::space});
    spans.back().end = at + length;
    last = kind;
  });
}

void string_spans(std::string_view text, std::string_view string, Spans& spans) {
  std::size_t done = 0;
  for (std::size_t at = text.find(string); at != std::string_view::npos; at = text.find(string, done)) {
    if (done < at) spans.push_back({done, at, false});
    done = at + string.size();
    spans.push_back({at, done, true});
  }
  if (done < text.size()) spans.push_back({done, text.size(), false});
}

void match_spans(std::string_view text, const std::vector<Regex::Match>& matches, Spans& spans) {
  std::size_t done = 0;
  for (const Regex::Match& match : matches) {
    if (done != match.begin) spans.push_back({done, match.begin, false});
    spans.push_back({match.begin, match.end, true});
    done = match.end;
  }
  if (done != text.size()) spans.push_back({done, text.size(), false});
}

void fixed_length_spans(std::string_view text, std::size_t length, Spans& spans) {
  std::size_t count = 0;
  for_each_class(text, component_classes(), [&](std::size_t at, std::size_t size, std::uint8_t) {
    if (count == 0) spans.push_back({at, at, false});
    spans.back().end = at + size;
    count = count + 1 == length ? 0 : count + 1;
  });
}

/// The library leaves out what is before the first character that has a script.
void script_spans(std::string_view text, Spans& spans) {
  std::uint8_t last = 0;
  for_each_class(text, component_scripts(), [&](std::size_t at, std::size_t length, std::uint8_t script) {
    if (script != 0 && script != last) spans.push_back({at, at, false});
    if (script != 0) last = script;
    if (!spans.empty()) spans.back().end = at + length;
  });
}

/// Appends pieces for the spans as the behavior has it; `shift` is where their text begins.
void append_pieces(const Spans& spans, std::size_t shift, SplitBehavior behavior, std::vector<Piece>& pieces) {
  const std::size_t start = pieces.size();
  const bool backwards = behavior == SplitBehavior::merged_with_next;
  bool last_matches = false;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const Pieces::Span& span = spans[backwards ? spans.size() - 1 - i : i];
    const Piece piece{shift + span.begin, shift + span.end, false};
    const bool any = pieces.size() > start;
    if (behavior == SplitBehavior::removed) {
      if (!span.is_match) pieces.push_back(piece);
    } else if (any && behavior == SplitBehavior::contiguous && span.is_match == last_matches) {
      pieces.back().end = piece.end;
    } else if (any && behavior == SplitBehavior::merged_with_previous && span.is_match && !last_matches) {
      pieces.back().end = piece.end;
    } else if (any && backwards && span.is_match && !last_matches) {
      pieces.back().begin = piece.begin;
    } else {
      pieces.push_back(piece);
    }
    last_matches = span.is_match;
  }
  const auto first = pieces.begin() + static_cast<std::ptrdiff_t>(start);
  pieces.erase(std::remove_if(first, pieces.end(), [](const Piece& piece) { return piece.begin == piece.end; }),
               pieces.end());
  if (backwards) std::reverse(pieces.begin() + static_cast<std::ptrdiff_t>(start), pieces.end());
}

void append_replaced(std::string_view text, std::string_view replacement, std::string& out) {
  if (replacement == " ") {
    out += text;
    return;
  }
  std::size_t done = 0;
  for (std::size_t at = text.find(' '); at != std::string_view::npos; at = text.find(' ', done)) {
    out += text.substr(done, at - done);
    out += replacement;
    done = at + 1;
  }
  out += text.substr(done);
}

void append_byte_level(std::string_view text, std::string& out) {
  const std::array<std::uint16_t, 256>& code_points = byte_level_code_points();
  const std::size_t size = out.size();
  out.resize(size + 2 * text.size());
  char* to = out.data() + size;
  for (const char byte : text) {
    const unsigned c = code_points[static_cast<unsigned char>(byte)];
    if (c < 0x80) {
      *to++ = static_cast<char>(c);
    } else {
      *to++ = static_cast<char>(0xC0 | c >> 6);
      *to++ = static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

}  // namespace

void PreTokenizer::Step::apply(Pieces& out) const {
  if (kind == Kind::spaces || kind == Kind::byte_level) return rewrite(out);
  Pieces::Buffers& buffers = out.buffers;
  buffers.pieces.clear();
  for (const Piece& piece : out.pieces) split(piece, out);
  std::swap(out.pieces, buffers.pieces);
}

void PreTokenizer::Step::split(const Piece& piece, Pieces& out) const {
  Pieces::Buffers& buffers = out.buffers;
  std::string_view text = std::string_view(out.text).substr(piece.begin, piece.end - piece.begin);
  if (kind == Kind::pattern && behavior == SplitBehavior::isolated) {
    for (std::size_t at = piece.begin; at < piece.end;) {
      const std::size_t length = next_pretoken(pattern, text.substr(at - piece.begin)).length;
      buffers.pieces.push_back({at, at + length, false});
      at += length;
    }
    return;
  }
  buffers.spans.clear();
  find_spans(text, buffers);
  if (inverted) {
    for (Pieces::Span& span : buffers.spans) span.is_match = !span.is_match;
  }
  append_pieces(buffers.spans, piece.begin, behavior, buffers.pieces);
}

void PreTokenizer::Step::find_spans(std::string_view text, Pieces::Buffers& buffers) const {
  switch (kind) {
    case Kind::classes:
      return class_spans(text, classes, buffers.spans);
    case Kind::words:
      return word_spans(text, buffers.spans);
    case Kind::string:
      return string_spans(text, string, buffers.spans);
    case Kind::pattern:
      for (std::size_t at = 0; at < text.size(); at = buffers.spans.back().end) {
        buffers.spans.push_back({at, at + next_pretoken(pattern, text.substr(at)).length, true});
      }
      return;
    case Kind::regex:
      regex->find_all(text, buffers.regex, buffers.matches);
      return match_spans(text, buffers.matches, buffers.spans);
    case Kind::fixed_length:
      return fixed_length_spans(text, length, buffers.spans);
    case Kind::scripts:
      return script_spans(text, buffers.spans);
    case Kind::spaces:
    case Kind::byte_level:
      return;  // they do not split
  }
}

/// What was made of the first character of the input, in the first `first_size` bytes of the text, stays so.
void PreTokenizer::Step::rewrite(Pieces& out) const {
  Pieces::Buffers& buffers = out.buffers;
  buffers.text.clear();
  std::size_t first_size = 0;
  for (Piece& piece : out.pieces) {
    const std::string_view text = std::string_view(out.text).substr(piece.begin, piece.end - piece.begin);
    const std::size_t begin = buffers.text.size();
    const bool is_first = piece.begin < buffers.first_size;
    const std::size_t first_part = is_first ? std::min(buffers.first_size, piece.end) - piece.begin : 0;
    const auto append =
        kind == Kind::byte_level
            ? [](std::string_view part, const std::string&, std::string& to) { append_byte_level(part, to); }
            : [](std::string_view part, const std::string& by, std::string& to) { append_replaced(part, by, to); };
    if (prepend == Prepend::always || (prepend == Prepend::first && is_first)) {
      const bool has_it = text.substr(0, string.size()) == string || text[0] == ' ';
      if (!has_it) buffers.text += string;
    }
    append(text.substr(0, first_part), string, buffers.text);
    if (is_first) first_size = buffers.text.size();
    append(text.substr(first_part), string, buffers.text);
    piece.begin = begin;
    piece.end = buffers.text.size();
  }
  buffers.first_size = first_size;
  std::swap(out.text, buffers.text);
}

PreTokenizer::Step::Cut PreTokenizer::Step::cut_before(char blank, std::string_view spelling) const {
  const bool unchanged = spelling == std::string_view(&blank, 1);
  const bool merges = behavior == SplitBehavior::merged_with_previous || behavior == SplitBehavior::merged_with_next;
  switch (kind) {
    case Kind::spaces:  // a blank becomes what would be put before it
      return prepend == Prepend::always && !(blank == ' ' && unchanged) ? Cut::breaks : Cut::bears;
    case Kind::byte_level:
      return Cut::bears;
    case Kind::string:
      if (spelling == string && !inverted && behavior != SplitBehavior::merged_with_previous) return Cut::makes;
      return unchanged && !(inverted && merges) && string.find_first_of(" \n") == std::string::npos ? Cut::bears
                                                                                                    : Cut::breaks;
    case Kind::words:
      return unchanged ? Cut::makes : Cut::breaks;
    case Kind::classes:
      if (!unchanged || ((classes & ComponentClass::space) != 0 && merges)) return Cut::breaks;
      return (classes & ComponentClass::space) != 0 ? Cut::makes : Cut::bears;
    case Kind::pattern:
      return unchanged && pattern != Pattern::none && behavior == SplitBehavior::isolated ? Cut::makes : Cut::breaks;
    case Kind::regex:
      return unchanged && !inverted && regex->ignores_cut_before_space() ? Cut::bears : Cut::breaks;
    case Kind::fixed_length:
    case Kind::scripts:
      return Cut::breaks;
  }
  return Cut::breaks;
}

}  // namespace lm
