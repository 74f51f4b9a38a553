#include "text/normalize/normalizer.h"

#include <algorithm>
#include <cstddef>

#include "text/normalize/growth.h"
#include "text/normalize/normalize_step.h"

namespace lm {

namespace {

/// Appends what each kind of step makes of a text.
struct AppendStep {
  std::string_view text;
  Section section;
  std::string& out;

  void operator()(PlainStep step) const {
    switch (step) {
      case PlainStep::lowercase:
        return append_lowercase(text, out);
      case PlainStep::strip_accents:
        return append_without_marks(text, out);
      case PlainStep::nmt:
        return append_nmt(text, out);
      case PlainStep::byte_level:
        return append_byte_spelling(text, out);
    }
  }
  void operator()(UnicodeForm form) const { append_form(form, text, out); }
  void operator()(const BertSettings& settings) const { append_bert(settings, text, out); }
  void operator()(const Replacement& replacement) const { replacement.append(text, out); }
  void operator()(const PrependStep& prepend) const {
    if (section.begins && !text.empty()) out += prepend.text;
    out += text;
  }
  void operator()(const StripStep& strip) const {
    out += strip_spaces(text, strip.left && section.begins, strip.right && section.ends);
  }
  void operator()(const Precompiled& precompiled) const { precompiled.append(text, out); }
  void operator()(const SentencePieceNormalizer& step) const { step.append(text, section.begins, section.ends, out); }
  void operator()(const LlamaBertSettings& settings) const { append_llama_bert(settings, text, out); }
};

struct LossOfStep {
  NormalizerLoss operator()(PlainStep step) const {
    return step == PlainStep::byte_level ? NormalizerLoss::nothing : NormalizerLoss::text;
  }
  NormalizerLoss operator()(UnicodeForm form) const {
    const bool canonical = form == UnicodeForm::nfc || form == UnicodeForm::nfd;
    return canonical ? NormalizerLoss::canonical_spelling : NormalizerLoss::text;
  }
  NormalizerLoss operator()(const Replacement& replacement) const {
    // A single space becomes U+2581, which decoders turn back.
    const bool spells_spaces = replacement.literal() != nullptr && *replacement.literal() == " " &&
                               (replacement.content() == "\xE2\x96\x81" || replacement.content() == "\xC4\xA0");
    return spells_spaces ? NormalizerLoss::nothing : NormalizerLoss::text;
  }
  NormalizerLoss operator()(const PrependStep&) const { return NormalizerLoss::nothing; }
  NormalizerLoss operator()(const SentencePieceNormalizer& step) const {
    return step.has_map() || step.settings().remove_extra_whitespaces ? NormalizerLoss::text : NormalizerLoss::nothing;
  }
  template <class Step>
  NormalizerLoss operator()(const Step&) const {
    return NormalizerLoss::text;
  }
};

}  // namespace

void NormalizeStep::append(std::string_view text, Section section, std::string& out) const {
  std::visit(AppendStep{text, section, out}, what);
}

NormalizerLoss NormalizeStep::loss() const { return std::visit(LossOfStep(), what); }

Normalizer::Normalizer() = default;
Normalizer::~Normalizer() = default;
Normalizer::Normalizer(const Normalizer&) = default;
Normalizer::Normalizer(Normalizer&&) noexcept = default;
Normalizer& Normalizer::operator=(const Normalizer&) = default;
Normalizer& Normalizer::operator=(Normalizer&&) noexcept = default;

Normalizer Normalizer::from_json(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory) {
  Normalizer normalizer;
  if (!value.is_null()) read_normalize_steps(value, source, factory, normalizer.steps_);
  return normalizer;
}

void Normalizer::normalize(std::string_view text, Section section, std::string& out) const {
  out.clear();
  if (steps_.empty()) {
    out = text;
    return;
  }
  const std::size_t most = growth_limit(text.size());
  std::string before;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (i > 0) {
      before.swap(out);
      out.clear();
      text = before;
    }
    out.reserve(text.size() + text.size() / 8);
    steps_[i].append(text, section, out);
    refuse_growth(out.size(), most);
  }
}

bool Normalizer::may_cut_before_space(BeforeCut before) const {
  CutPlace place{.before = before};
  return std::all_of(steps_.begin(), steps_.end(), [&](const NormalizeStep& step) { return place.pass(step); });
}

NormalizerLoss Normalizer::loss() const {
  NormalizerLoss loss = NormalizerLoss::nothing;
  for (const NormalizeStep& step : steps_) loss = std::max(loss, step.loss());
  return loss;
}

}  // namespace lm
