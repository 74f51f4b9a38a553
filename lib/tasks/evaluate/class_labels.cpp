#include "tasks/evaluate/class_labels.h"

#include "base/error.h"
#include "base/json.h"

namespace lm {

void ClassLabels::add(const JsonDocument& document) {
  const JsonValue* value = document.value.find(field_);
  if (value == nullptr || (value->if_string() == nullptr && value->if_integer() == nullptr)) {
    throw Error("expected a string or a whole number for '" + field_ + "' in " + document.place + ", got " +
                (value == nullptr ? "none" : value->dump()) + "; --classify names the member that is the class");
  }
  const std::string label = value->if_string() != nullptr ? *value->if_string() : std::to_string(*value->if_integer());
  const auto [place, is_new] = numbers_.try_emplace(label, std::ssize(classes_));
  if (is_new) classes_.push_back(label);
  if (classes_.size() > kMostClasses) {
    throw Error("cannot classify by '" + field_ + "': up to " + document.place + " it has more than " +
                std::to_string(kMostClasses) + " different values; is it a name, and no class?");
  }
  labels_.push_back(place->second);
}

void ClassLabels::check(std::int64_t folds) const {
  if (std::ssize(labels_) < folds) {
    throw Error("cannot classify " + std::to_string(labels_.size()) + " documents: cross-validation in " +
                std::to_string(folds) + " folds needs " + std::to_string(folds) + " at least");
  }
  if (classes_.size() < 2) {
    throw Error("cannot classify by '" + field_ + "': all " + std::to_string(labels_.size()) + " documents have the value " +
                json_quote(classes_.front()) + ", and it takes two classes or more");
  }
}

}  // namespace lm
