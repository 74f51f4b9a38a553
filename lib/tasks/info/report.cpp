#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "base/printable.h"
#include "tasks/info/info.h"

namespace lm {
namespace {

/// Returns a whole number with commas: "1,234,567".
std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  std::string text;
  for (std::size_t at = 0; at < digits.size(); ++at) {
    if (at > sign && (digits.size() - at) % 3 == 0) text += ',';
    text += digits[at];
  }
  return text;
}

std::string with_unit(double number, std::span<const char* const> units, double step) {
  std::size_t unit = 0;
  while (number >= step && unit + 1 < units.size()) {
    number /= step;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), number < 100 ? "%.1f %s" : "%.0f %s", number, units[unit]);
  return text.data();
}

/// Returns a number with a rounded form behind it if it is long: "134,515,008 (134.5 million)".
std::string number_text(const std::string& name, std::int64_t number) {
  constexpr std::array kBytes = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  constexpr std::array kCounts = {"", "thousand", "million", "billion", "trillion"};
  constexpr std::int64_t kLong = 10'000;
  std::string text = grouped(number);
  const bool counts = name == "parameters" || name == "tokens";
  if (number < kLong || (name != "bytes" && !counts)) return text;
  const auto value = static_cast<double>(number);
  return text + " (" + (counts ? with_unit(value, kCounts, 1000) : with_unit(value, kBytes, 1024)) + ")";
}

std::string value_text(const std::string& name, const JsonValue& value) {
  if (value.if_integer() != nullptr) return number_text(name, *value.if_integer());
  if (value.if_bool() != nullptr) return *value.if_bool() ? "yes" : "no";
  if (value.if_string() != nullptr) return printable(*value.if_string());
  if (value.if_array() == nullptr) return value.dump();
  std::string list;
  for (const JsonValue& each : *value.if_array()) list += (list.empty() ? "" : ", ") + value_text(name, each);
  return list;
}

std::string label_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string shape_of(const InfoTensor& tensor) {
  std::string text;
  for (const std::int64_t size : tensor.shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text.empty() ? "1" : text;
}

/// Returns the tensors in columns.
std::string tensor_lines(const std::vector<InfoTensor>& tensors) {
  std::size_t names = 0, shapes = 0, types = 0;
  for (const InfoTensor& tensor : tensors) {
    names = std::max(names, tensor.name.size());
    shapes = std::max(shapes, shape_of(tensor).size());
    types = std::max(types, tensor.type.size());
  }
  std::string text;
  for (const InfoTensor& tensor : tensors) {
    const std::string name = printable(tensor.name), shape = shape_of(tensor);
    text += "  " + name + std::string(names - std::min(names, name.size()) + 2, ' ');
    text += shape + std::string(shapes - shape.size() + 2, ' ');
    text += tensor.type + std::string(types - tensor.type.size() + 2, ' ') +
            grouped(static_cast<std::int64_t>(tensor.bytes)) + "\n";
  }
  return text;
}

}  // namespace

std::string info_text(const FileInfo& info, InfoTensors tensors) {
  constexpr std::size_t kWidth = 22;
  std::string text = printable(info.path) + "\n";
  const auto line = [&](const std::string& label, const std::string& value) {
    text += "  " + label + std::string(label.size() < kWidth ? kWidth - label.size() : 1, ' ') + value + "\n";
  };
  for (const auto& [name, value] : *info.facts.if_object()) line(label_of(name), value_text(name, value));
  for (const std::string& use : info.uses) line("use", use);
  for (const std::string& note : info.notes) line("note", printable(note));
  if (tensors == InfoTensors::listed && !info.tensors.empty()) text += tensor_lines(info.tensors);
  return text;
}

std::string info_json(const FileInfo& info, InfoTensors tensors) {
  JsonValue json;
  json.set("file", info.path);
  for (const auto& [name, value] : *info.facts.if_object()) json.set(name, value);
  const auto texts = [](const std::vector<std::string>& from) {
    JsonValue::Array list;
    for (const std::string& each : from) list.emplace_back(each);
    return list;
  };
  json.set("uses", texts(info.uses));
  if (!info.notes.empty()) json.set("notes", texts(info.notes));
  if (tensors == InfoTensors::left_out) return json.dump() + "\n";
  JsonValue::Array list;
  for (const InfoTensor& tensor : info.tensors) {
    JsonValue::Array shape;
    for (const std::int64_t size : tensor.shape) shape.emplace_back(size);
    JsonValue entry;
    entry.set("name", tensor.name).set("shape", std::move(shape)).set("type", tensor.type);
    list.push_back(entry.set("bytes", static_cast<std::int64_t>(tensor.bytes)));
  }
  json.set("tensors", std::move(list));
  return json.dump() + "\n";
}

}  // namespace lm
