#include "objectives/fim.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "objectives/fim_layout.h"

namespace lm {

namespace {

/// A piece as text between special tokens: what a cut may divide, and what it may not.
struct Segment {
  std::string text;  // empty: a special token
  TokenId special = 0;
  std::vector<std::size_t> cuts;  // byte offsets where text may be cut, 0 first; its end is the next segment's
};

class Fim final : public Objective {
 public:
  explicit Fim(const ObjectiveOptions& options) : options_(options) {
    LM_CHECK(options.table != nullptr && options.codec != nullptr);
    const FimLayout& layout = find_fim_layout("psm");
    tokens_ = {.prefix = needed_token("fim", layout.tokens[0], options.special.fim_prefix, options),
               .suffix = needed_token("fim", layout.tokens[1], options.special.fim_suffix, options),
               .middle = needed_token("fim", layout.tokens[2], options.special.fim_middle, options)};
    if (longest_fim_piece(options.context_length) <= kFimOverhead) {
      throw SettingsError("--context " + std::to_string(options.context_length) + " is too short for objective 'fim'");
    }
  }

  std::string name() const override { return "fim"; }
  WindowKind window_kind() const override { return WindowKind::pieces; }
  std::int64_t piece_overhead() const override { return kFimOverhead; }
  std::int64_t window_length() const override { return options_.context_length + 1; }
  std::int64_t window_stride() const override { return options_.context_length; }
  double visible_prefix_share() const override { return 0.0; }

  Example make(const WindowTokens& window, Rng& rng) const override {
    std::vector<Part> parts;
    std::int64_t used = 1;
    Example example;
    for (const WindowPiece& piece : window.pieces) {
      parts.push_back(transform(window, piece, rng));
      used += static_cast<std::int64_t>(parts.back().ids.size());
      example.untransformed += parts.back().holds_tokens ? 1 : 0;
      example.token_cuts += parts.back().by_need ? 1 : 0;
    }
    // The last transformed pieces give way: cuts between tokens add no more than the overhead that the window has room for.
    for (auto part = parts.rbegin(); part != parts.rend() && used > window_length(); ++part) {
      if (part->fallback.empty()) continue;
      used += static_cast<std::int64_t>(part->fallback.size()) - static_cast<std::int64_t>(part->ids.size());
      part->ids = std::move(part->fallback);
      example.token_cuts += 1;
    }
    LM_CHECK(used <= window_length());
    std::vector<TokenId> sequence = {options_.end_of_text};
    for (const Part& part : parts) sequence.insert(sequence.end(), part.ids.begin(), part.ids.end());
    pack(example, std::move(sequence));
    return example;
  }

 private:
  /// One piece, rearranged or not.
  struct Part {
    std::vector<TokenId> ids;
    std::vector<TokenId> fallback;  // the same cut between tokens, if ids were encoded anew
    bool holds_tokens = false;      // left as it is because it holds a FIM token
    bool by_need = false;  // cut between tokens, since the parts of its text cannot be encoded, or not for the model
  };

  /// Returns how many begin tokens are at the front.
  std::size_t opening_of(std::span<const TokenId> ids) const {
    const std::vector<TokenId>& begin = options_.begin_tokens;
    return ids.size() >= begin.size() && std::equal(begin.begin(), begin.end(), ids.begin()) ? begin.size() : 0;
  }

  Part transform(const WindowTokens& window, const WindowPiece& piece, Rng& rng) const {
    std::span<const TokenId> ids =
        window.tokens.subspan(static_cast<std::size_t>(piece.begin), static_cast<std::size_t>(piece.end - piece.begin));
    // What begins a document stays in front of it, as it is in front of what is to be filled.
    const std::size_t opening = opening_of(ids);
    const std::span<const TokenId> begin = ids.first(opening);
    ids = ids.subspan(opening);
    // Drawn whether used or not, so that one piece's content never moves another's draws.
    const bool chosen = rng.uniform() < options_.fim_rate;
    const bool suffix_first = rng.uniform() < options_.spm_rate;
    const std::array<double, 2> points = {rng.uniform(), rng.uniform()};
    Part part;
    part.holds_tokens = std::any_of(ids.begin(), ids.end(), [this](TokenId id) {
      return id == tokens_.prefix || id == tokens_.suffix || id == tokens_.middle;
    });
    if (!chosen || part.holds_tokens) {
      part.ids.assign(begin.begin(), begin.end());
      part.ids.insert(part.ids.end(), ids.begin(), ids.end());
      if (piece.ends_document) part.ids.push_back(options_.end_of_text);
      return part;
    }
    const FimLayout& layout = find_fim_layout(suffix_first ? "spm" : "psm");
    const std::array<std::vector<TokenId>, 3> by_tokens = cut_tokens(ids, points);
    std::vector<TokenId> plain = arrange(layout, by_tokens);
    part.by_need = options_.fim_cut != FimCut::token && !options_.codec->keeps_parts();
    if (options_.fim_cut != FimCut::token && !part.by_need) {
      part.ids = arrange(layout, cut_text(ids, points));
      part.by_need = std::any_of(part.ids.begin(), part.ids.end(), [this](TokenId id) { return id >= options_.vocab_size; });
    }
    if (options_.fim_cut == FimCut::token || part.by_need) {
      part.ids = std::move(plain);
    } else {
      part.fallback = std::move(plain);
      part.fallback.insert(part.fallback.begin(), begin.begin(), begin.end());
    }
    part.ids.insert(part.ids.begin(), begin.begin(), begin.end());
    return part;
  }

  std::vector<TokenId> arrange(const FimLayout& layout, const std::array<std::vector<TokenId>, 3>& parts) const {
    std::vector<TokenId> ids = arrange_fim(layout, tokens_, parts[0], parts[2], parts[1]);
    ids.push_back(options_.end_of_text);
    return ids;
  }

  /// Returns two sorted points of [0, count], each equally likely.
  static std::array<std::size_t, 2> cut_points(const std::array<double, 2>& points, std::size_t count) {
    std::array<std::size_t, 2> places{};
    for (std::size_t i = 0; i < 2; ++i)
      places[i] = std::min(count, static_cast<std::size_t>(points[i] * static_cast<double>(count + 1)));
    std::sort(places.begin(), places.end());
    return places;
  }

  static std::array<std::vector<TokenId>, 3> cut_tokens(std::span<const TokenId> ids, const std::array<double, 2>& points) {
    const auto [first, second] = cut_points(points, ids.size());
    return {std::vector<TokenId>(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(first)),
            std::vector<TokenId>(ids.begin() + static_cast<std::ptrdiff_t>(first),
                                 ids.begin() + static_cast<std::ptrdiff_t>(second)),
            std::vector<TokenId>(ids.begin() + static_cast<std::ptrdiff_t>(second), ids.end())};
  }

  /// Returns prefix, middle and suffix cut between code points or lines, each encoded anew.
  std::array<std::vector<TokenId>, 3> cut_text(std::span<const TokenId> ids, const std::array<double, 2>& points) const {
    const std::vector<Segment> segments = split_segments(ids);
    std::size_t count = 0;
    for (const Segment& segment : segments) count += segment.text.empty() ? 1 : segment.cuts.size();
    const std::array<std::size_t, 2> places = cut_points(points, count);
    std::array<std::vector<TokenId>, 3> parts;
    std::size_t place = 0;  // number of the next unit
    for (const Segment& segment : segments) {
      if (segment.text.empty()) {
        parts[part_of(place, places)].push_back(segment.special);
        ++place;
        continue;
      }
      // Runs of units of one part are encoded together.
      std::size_t unit = 0;
      while (unit < segment.cuts.size()) {
        const std::size_t part = part_of(place + unit, places);
        std::size_t end = unit + 1;
        while (end < segment.cuts.size() && part_of(place + end, places) == part) ++end;
        const std::size_t first_byte = segment.cuts[unit];
        const std::size_t end_byte = end < segment.cuts.size() ? segment.cuts[end] : segment.text.size();
        const std::vector<TokenId> encoded =
            options_.codec->encode(std::string_view(segment.text).substr(first_byte, end_byte - first_byte));
        parts[part].insert(parts[part].end(), encoded.begin(), encoded.end());
        unit = end;
      }
      place += segment.cuts.size();
    }
    return parts;
  }

  static std::size_t part_of(std::size_t unit, const std::array<std::size_t, 2>& places) {
    return unit < places[0] ? 0 : unit < places[1] ? 1 : 2;
  }

  std::vector<Segment> split_segments(std::span<const TokenId> ids) const {
    std::vector<Segment> segments;
    for (const TokenId id : ids) {
      if (options_.table->is_special(id)) {
        segments.push_back({.text = {}, .special = id, .cuts = {}});
      } else {
        if (segments.empty() || segments.back().text.empty()) segments.emplace_back();
        segments.back().text += options_.codec->bytes_of(id);
      }
    }
    for (Segment& segment : segments) {
      for (std::size_t place = 0; place < segment.text.size();) {
        segment.cuts.push_back(place);
        if (options_.fim_cut == FimCut::line) {
          const std::size_t newline = segment.text.find('\n', place);
          place = newline == std::string::npos ? segment.text.size() : newline + 1;
        } else {
          std::size_t invalid = 0;
          const std::size_t length = utf8_length(std::string_view(segment.text).substr(place), invalid);
          place += std::max<std::size_t>(1, length);  // bytes that are not UTF-8 may each be cut off
        }
      }
    }
    return segments;
  }

  void pack(Example& example, std::vector<TokenId> sequence) const {
    const auto length = static_cast<std::size_t>(options_.context_length);
    const std::size_t used = sequence.size();
    sequence.resize(length + 1, options_.end_of_text);
    example.input.assign(sequence.begin(), sequence.end() - 1);
    example.target.assign(sequence.begin() + 1, sequence.end());
    example.weight.assign(length, 0.0f);
    for (std::size_t i = 0; i + 1 < used; ++i) example.weight[i] = 1.0f;
    example.document =
        document_indices({.tokens = sequence, .first_valid = 0, .end_valid = static_cast<std::int64_t>(used), .pieces = {}},
                         options_.context_length, options_);
  }

  ObjectiveOptions options_;
  FimTokens tokens_;
};

}  // namespace

std::unique_ptr<Objective> make_fim(const ObjectiveOptions& options) { return std::make_unique<Fim>(options); }

}  // namespace lm
