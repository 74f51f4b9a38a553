#include "tasks/train/settings_record.h"

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace lm {

namespace {

JsonValue to_json(double value) { return value; }
JsonValue to_json(std::int64_t value) { return value; }
JsonValue to_json(bool value) { return value; }
JsonValue to_json(const Mixture& value) { return value.text(); }
JsonValue to_json(const Betas& value) { return to_string(value); }
template <HasChoices E>
JsonValue to_json(E value) {
  return to_string(value);
}
template <class T>
JsonValue to_json(const std::optional<T>& value) {
  return value ? to_json(*value) : JsonValue();
}

/// What a value is read from, and what to name if it cannot be.
struct Recorded {
  const JsonValue& json;
  const char* name;
  const std::string& source;
};

void from_json(double& value, const Recorded& from) { value = from.json.number_at(from.name, from.source); }
void from_json(std::int64_t& value, const Recorded& from) { value = from.json.integer_at(from.name, from.source); }
void from_json(bool& value, const Recorded& from) { value = from.json.boolean_at(from.name, from.source); }

/// Reads a word, with the file's name in the error.
template <class Read>
auto read_word(const Recorded& from, Read&& read) {
  const std::string word = from.json.string_at(from.name, from.source);
  try {
    return read(word);
  } catch (const Error& error) {
    throw Error("cannot resume '" + from.source + "': " + error.what());
  }
}
void from_json(Mixture& value, const Recorded& from) { value = read_word(from, parse_mixture); }
void from_json(Betas& value, const Recorded& from) {
  value = read_word(from, [](const std::string& word) {
    const std::optional<Betas> betas = parse_betas(word);
    if (!betas) throw Error("unknown betas '" + word + "'");
    return *betas;
  });
}
template <HasChoices E>
void from_json(E& value, const Recorded& from) {
  value = read_word(from, parse_choice<E>);
}
template <class T>
void from_json(std::optional<T>& value, const Recorded& from) {
  T content{};
  from_json(content, from);
  value = content;
}

}  // namespace

JsonValue settings_to_json(const TrainSettings& settings) {
  JsonValue json;
  visit_settings(settings, [&](const SettingInfo& info, const auto& field) { json.set(info.name, to_json(field)); });
  return json;
}

TrainSettings resumed_settings(const JsonValue& recorded, const TrainSettings& asked, const SettingSet& named,
                               const std::string& source) {
  TrainSettings settings;
  visit_settings(settings, [&](const SettingInfo& info, auto& field) {
    if (recorded.find(info.name) != nullptr) from_json(field, {.json = recorded, .name = info.name, .source = source});
  });
  check_settings(settings);
  TrainSettings wanted = asked;
  // As it was recorded: at most a whole batch.
  if (wanted.micro_batch) wanted.micro_batch = std::min(*wanted.micro_batch, settings.trainer.batch_sequences);
  const JsonValue before = settings_to_json(settings);
  visit_settings(wanted, [&](const SettingInfo& info, const auto& field) {
    // What is left to be chosen stays as it was chosen.
    const JsonValue now = to_json(field);
    const JsonValue& was = *before.find(info.name);
    if (!named.has(info.setting) || now.is_null() || now.dump() == was.dump()) return;
    throw Error("cannot resume '" + source + "': --" + info.name + " was " + was.dump() + ", now " + now.dump() +
                "; leave it out or start a new run");
  });
  return settings;
}

}  // namespace lm
