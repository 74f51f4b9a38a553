#include "model/files/gguf_rotation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/files/family_keys.h"

namespace lm {

namespace {

constexpr const char* kFactors = "rope_freqs.weight";
constexpr const char* kShortFactors = "rope_factors_short.weight";
constexpr const char* kLongFactors = "rope_factors_long.weight";

JsonValue::Array json_numbers(const std::vector<float>& values) {
  JsonValue::Array numbers;
  for (const float value : values) numbers.emplace_back(plain_number(value));
  return numbers;
}

/// The parameters of Llama 3.1's scaling, of which files keep only the factors that follow from them.
struct Llama3 {
  double factor, original;
  static constexpr double kLow = 1, kHigh = 4;  // as all its models have them

  double factor_of(double turns) const {
    if (turns > kHigh) return 1;
    if (turns < kLow) return factor;
    const double smooth = (turns - kLow) / (kHigh - kLow);
    return 1 / ((1 - smooth) / factor + smooth);
  }
};

/// Returns the parameters of which the factors are those; nothing if they are no such factors.
std::optional<Llama3> llama3_of(const std::vector<float>& factors, double theta) {
  const double largest = *std::max_element(factors.begin(), factors.end());
  const auto per_position = [&](std::size_t i) {  // turns
    const double exponent = -static_cast<double>(i) / static_cast<double>(factors.size());
    return std::pow(theta, exponent) / (2 * std::numbers::pi);
  };
  Llama3 found{.factor = plain_number(largest), .original = 0};
  for (std::size_t i = 0; i < factors.size() && found.original == 0; ++i) {
    if (factors[i] <= 1.001F || factors[i] >= 0.999F * static_cast<float>(largest)) continue;
    const double smooth = (1 / static_cast<double>(factors[i]) - 1 / largest) / (1 - 1 / largest);
    found.original = std::round((Llama3::kLow + smooth * (Llama3::kHigh - Llama3::kLow)) / per_position(i));
  }
  constexpr double kSame = 1e-4;  // the factors come of 32-bit arithmetic
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double expected = found.factor_of(found.original * per_position(i));
    if (std::fabs(factors[i] - expected) > kSame * expected) return std::nullopt;
  }
  return found.original >= 1 && found.original <= static_cast<double>(kLargestSize) ? std::optional(found) : std::nullopt;
}

/// Translates one file's rotation; each function adds to `rope` what it finds.
class GgufRotation {
 public:
  GgufRotation(const GgufKeys& keys, const GgufParts& parts, const GgufArchitecture& architecture, const RotatedSizes& sizes)
      : keys_(keys), parts_(parts), architecture_(architecture), family_(family_keys(architecture.family)), sizes_(sizes) {}

  void set(JsonValue& config) {
    theta_ = plain_number(keys_.number("rope.freq_base").value_or(10000));
    rope_.set("rope_theta", theta_);
    const std::int64_t turned = keys_.integer("rope.dimension_count").value_or(sizes_.head_dim);
    original_ = keys_.integer("rope.scaling.original_context_length").value_or(sizes_.context_length);
    if (family_.rotation.partial != nullptr) {
      rope_.set("partial_rotary_factor", fraction(turned));
    } else if (turned != sizes_.head_dim) {
      keys_.refuse("rope.dimension_count", "is " + std::to_string(turned) + ", expected all " +
                                               std::to_string(sizes_.head_dim) + " channels of a head");
    }
    set_scaling(turned);
    if (family_.root_original_context) config.set("original_max_position_embeddings", original_);
    if (family_.rotation.local_theta != nullptr) {
      JsonValue local;
      local.set("rope_theta", plain_number(keys_.number("rope.freq_base_swa").value_or(10000))).set("rope_type", "default");
      rope_ = JsonValue().set("full_attention", std::move(rope_)).set("sliding_attention", std::move(local));
    }
    config.set("rope_parameters", std::move(rope_));
  }

 private:
  /// Returns the fraction of a head that is so many channels, when rounded down.
  double fraction(std::int64_t turned) const {
    const auto whole = static_cast<double>(sizes_.head_dim);
    double part = static_cast<double>(turned) / whole;
    while (static_cast<std::int64_t>(whole * part) < turned) part = std::nextafter(part, 2.0);
    return part;
  }

  void set_scaling(std::int64_t turned) {
    const std::string type = keys_.string("rope.scaling.type").value_or("linear");
    const std::optional<double> stated = keys_.number("rope.scaling.factor"), older = keys_.number("rope.scale_linear");
    const double factor = plain_number(stated.value_or(older.value_or(1)));
    const bool scaled = factor != 0 && factor != 1;
    const double attention = plain_number(keys_.number("rope.scaling.attn_factor").value_or(1));
    const bool by_two = parts_.has(kShortFactors) || parts_.has(kLongFactors);
    if (type == "longrope" || by_two) return set_longrope(type, turned, attention);
    if (type == "yarn") return set_yarn(factor, attention);
    if (type != "none" && type != "linear")
      keys_.refuse("rope.scaling.type",
                   "is " + json_quote(type.substr(0, 100)) + "; known are none, linear, yarn, longrope");
    if (attention != 1) keys_.refuse("rope.scaling.attn_factor", "is known with the scalings yarn and longrope only");
    const bool has_factors = architecture_.frequency_factors && parts_.has(kFactors);
    if (has_factors && scaled && type == "linear")
      keys_.refuse("rope.scaling.factor", "is not known beside the tensor " + std::string(kFactors));
    if (has_factors) return set_factors(turned);
    rope_.set("rope_type", scaled && type == "linear" ? "linear" : "default");
    if (scaled && type == "linear") rope_.set("factor", factor);
  }

  std::vector<float> factors(const char* tensor, std::int64_t turned) const {
    if (!parts_.has(tensor)) throw Error("no tensor '" + std::string(tensor) + "' in '" + parts_.name() + "'");
    std::vector<float> values = parts_.vector(tensor);
    if (std::ssize(values) != turned / 2 || values.empty())
      throw Error("tensor '" + std::string(tensor) + "' in '" + parts_.name() + "' has " + std::to_string(values.size()) +
                  " values, expected " + std::to_string(turned / 2));
    return values;
  }

  /// Divides the frequencies by factors, as Llama 3.1 does: by its parameters if they are known by the factors.
  void set_factors(std::int64_t turned) {
    const std::vector<float> values = factors(kFactors, turned);
    if (const std::optional<Llama3> found = llama3_of(values, theta_)) {
      rope_.set("rope_type", "llama3").set("factor", found->factor);
      rope_.set("low_freq_factor", Llama3::kLow).set("high_freq_factor", Llama3::kHigh);
      rope_.set("original_max_position_embeddings", static_cast<std::int64_t>(found->original));
      return;
    }
    rope_.set("rope_type", "longrope").set("short_factor", json_numbers(values)).set("long_factor", json_numbers(values));
    rope_.set("attention_factor", 1.0).set("original_max_position_embeddings", sizes_.context_length);
  }

  void set_longrope(const std::string& type, std::int64_t turned, double attention) {
    if (type == "yarn") keys_.refuse("rope.scaling.type", "is yarn, and there are factors of longrope");
    rope_.set("rope_type", "longrope").set("short_factor", json_numbers(factors(kShortFactors, turned)));
    rope_.set("long_factor", json_numbers(factors(kLongFactors, turned))).set("attention_factor", attention);
    if (!family_.root_original_context) rope_.set("original_max_position_embeddings", original_);
  }

  void set_yarn(double factor, double attention) {
    const double usual = factor <= 1 ? 1.0 : 0.1 * std::log(factor) + 1;
    // Converters write transformers' attention factor under this key, and llama.cpp computes the usual one all the same.
    const double stated = plain_number(keys_.number("rope.scaling.yarn_attn_factor").value_or(1));
    if (stated != 1 && std::fabs(stated - usual) > 1e-4)
      keys_.refuse("rope.scaling.yarn_attn_factor", "is " + JsonValue(stated).dump() + ", known are 1 and " +
                                                        JsonValue(plain_number(usual)).dump() +
                                                        ", which follows from the factor");
    const double extrapolation = keys_.number("rope.scaling.yarn_ext_factor").value_or(1);
    if (extrapolation != 1 && extrapolation >= 0)
      keys_.refuse("rope.scaling.yarn_ext_factor", "is " + JsonValue(extrapolation).dump() + ", only 1 is known");
    rope_.set("rope_type", "yarn").set("factor", factor);
    if (attention != 1) rope_.set("attention_factor", plain_number(usual * attention));
    rope_.set("original_max_position_embeddings", original_);
    for (const auto& [ours, theirs] :
         {std::pair("beta_fast", "rope.scaling.yarn_beta_fast"), std::pair("beta_slow", "rope.scaling.yarn_beta_slow")}) {
      if (const std::optional<double> turns = keys_.number(theirs)) rope_.set(ours, plain_number(*turns));
    }
  }

  const GgufKeys& keys_;
  const GgufParts& parts_;
  const GgufArchitecture& architecture_;
  const FamilyKeys& family_;
  const RotatedSizes& sizes_;
  double theta_ = 0;
  std::int64_t original_ = 0;
  JsonValue rope_;
};

}  // namespace

double plain_number(double value) {
  const auto narrow = static_cast<float>(value);
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), narrow);
  double plain = value;
  if (error == std::errc() && static_cast<double>(narrow) == value) std::from_chars(text.data(), end, plain);
  return plain;
}

void set_rotation_from_gguf(JsonValue& config, const GgufKeys& keys, const GgufParts& parts,
                            const GgufArchitecture& architecture, const RotatedSizes& sizes) {
  GgufRotation(keys, parts, architecture, sizes).set(config);
}

}  // namespace lm
