// Setting: the name of each setting of lm-train as a type, so that a misspelt one does not compile.
#pragma once

#include <bitset>
#include <cstddef>
#include <initializer_list>

namespace lm {

/// One for each line of visit_settings().
enum class Setting {
  family,
  layers,
  heads,
  kv_heads,
  head_dim,
  channels,
  ffn,
  context,
  dropout,
  tied,
  objective,
  attend,
  mask_rate,
  span_density,
  span_length,
  fim_rate,
  spm_rate,
  fim_cut,
  batch,
  micro_batch,
  optimizer,
  learning_rate,
  min_learning_rate,
  warmup,
  hold,
  schedule,
  decay_share,
  weight_decay,
  betas,
  momentum,
  clip,
  average,
  precision,
  seed,
  patience,
  keep,
  on_nan,
  valid_fraction,
  one_pass,
};
constexpr std::size_t kSettings = static_cast<std::size_t>(Setting::one_pass) + 1;

/// A set of settings, such as those that the user gave.
class SettingSet {
 public:
  SettingSet() = default;
  SettingSet(std::initializer_list<Setting> settings) {
    for (const Setting setting : settings) add(setting);
  }
  void add(Setting setting) { members_.set(static_cast<std::size_t>(setting)); }
  bool has(Setting setting) const { return members_.test(static_cast<std::size_t>(setting)); }
  bool has_any_of(const SettingSet& others) const { return (members_ & others.members_).any(); }
  std::size_t size() const { return members_.count(); }

 private:
  std::bitset<kSettings> members_;
};

/// What visit_settings() says of a setting. The option is --name, and the key of the record is name.
struct SettingInfo {
  Setting setting;
  const char* name;
  const char* group;  // of --help
  const char* help;
  // The smallest and the largest value, if it is a number.
  double low = 0, high = 0;
};

}  // namespace lm
