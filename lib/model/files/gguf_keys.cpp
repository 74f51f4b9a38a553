#include "model/files/gguf_keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace lm {

namespace {

// What says nothing of what is computed, or repeats what tensors and vocabulary say.
constexpr auto kHarmless = std::to_array<std::string_view>({"vocab_size", "tensor_data_layout", "pooling_type",
                                                            "rope.scaling.finetuned", "attention.layer_norm_rms_epsilon",
                                                            "attention.layer_norm_epsilon", "use_parallel_residual"});

bool is_neutral(const GgufValue& value) {
  if (const auto* natural = std::get_if<std::uint64_t>(&value.value)) return *natural == 0;
  if (const auto* integer = std::get_if<std::int64_t>(&value.value)) return *integer == 0;
  if (const auto* number = std::get_if<double>(&value.value)) return *number == 0;
  if (const auto* flag = std::get_if<bool>(&value.value)) return !*flag;
  const auto* array = std::get_if<GgufArray>(&value.value);
  return array != nullptr && array->count == 0;
}

}  // namespace

std::string GgufKeys::full(std::string_view key) const {
  std::string whole = prefix_ + std::string(key);
  asked_.insert(whole);
  return whole;
}

std::optional<std::int64_t> GgufKeys::integer(std::string_view key) const {
  const std::optional<std::uint64_t> value = file_.unsigned_at(full(key));
  if (!value) return std::nullopt;
  if (*value > (std::uint64_t{1} << 62)) refuse(key, "is " + std::to_string(*value) + ", more than can be");
  return static_cast<std::int64_t>(*value);
}

std::optional<double> GgufKeys::number(std::string_view key) const {
  const std::optional<double> value = file_.number_at(full(key));
  if (value && !std::isfinite(*value)) refuse(key, "is not a finite number");
  return value;
}

std::optional<bool> GgufKeys::boolean(std::string_view key) const { return file_.boolean_at(full(key)); }

std::optional<std::string> GgufKeys::string(std::string_view key) const { return file_.string_at(full(key)); }

std::int64_t GgufKeys::required_integer(std::string_view key) const {
  const std::optional<std::int64_t> value = integer(key);
  if (!value) refuse(key, "is missing");
  return *value;
}

double GgufKeys::required_number(std::string_view key) const {
  const std::optional<double> value = number(key);
  if (!value) refuse(key, "is missing");
  return *value;
}

std::optional<std::int64_t> GgufKeys::integer_of_layers(std::string_view key, std::int64_t layers) const {
  const std::optional<GgufArray> numbers = array(key);
  if (!numbers) return integer(key);
  if (numbers->count != static_cast<std::uint64_t>(layers))
    refuse(key, "has " + std::to_string(numbers->count) + " numbers for " + std::to_string(layers) + " layers");
  const std::vector<std::int64_t> values = file_.integers(*numbers, numbers->count);
  for (const std::int64_t value : values) {
    if (value != values.front())
      refuse(key, "is " + std::to_string(values.front()) + " for one layer and " + std::to_string(value) +
                      " for another; layers of different sizes are not known here");
  }
  if (values.front() < 0 || values.front() > (std::int64_t{1} << 62))
    refuse(key, "is " + std::to_string(values.front()) + ", which cannot be");
  return values.front();
}

std::optional<GgufArray> GgufKeys::array(std::string_view key) const {
  const GgufValue* value = file_.find(full(key));
  const auto* found = value == nullptr ? nullptr : std::get_if<GgufArray>(&value->value);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

void GgufKeys::check_all_read() const {
  for (const std::string_view key : file_.keys()) {
    if (!key.starts_with(prefix_) || asked_.contains(key)) continue;
    const std::string_view name = key.substr(prefix_.size());
    if (std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end() || is_neutral(*file_.find(key))) continue;
    refuse(name,
           "is a feature that this program does not know of this architecture; give a model without it, or the Hugging "
           "Face folder that it was made from");
  }
}

void GgufKeys::refuse(std::string_view key, const std::string& why) const {
  throw Error("cannot use '" + file_.name() + "': its " + json_quote((prefix_ + std::string(key)).substr(0, 100)) + " " +
              why);
}

}  // namespace lm
