#include "model/files/gguf_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/path.h"
#include "kernels/blocks.h"

namespace lm {

namespace {

struct FileType {
  std::uint64_t number;
  std::string_view name;
};
// llama_ftype in llama.h
constexpr auto kFileTypes = std::to_array<FileType>(
    {{0, "F32"},     {1, "F16"},     {2, "Q4_0"},     {3, "Q4_1"},    {7, "Q8_0"},     {8, "Q5_0"},
     {9, "Q5_1"},    {10, "Q2_K"},   {11, "Q3_K_S"},  {12, "Q3_K_M"}, {13, "Q3_K_L"},  {14, "Q4_K_S"},
     {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},  {18, "Q6_K"},   {19, "IQ2_XXS"}, {20, "IQ2_XS"},
     {21, "Q2_K_S"}, {22, "IQ3_XS"}, {23, "IQ3_XXS"}, {24, "IQ1_S"},  {25, "IQ4_NL"},  {26, "IQ3_S"},
     {27, "IQ3_M"},  {28, "IQ2_S"},  {29, "IQ2_M"},   {30, "IQ4_XS"}, {31, "IQ1_M"},   {32, "BF16"},
     {36, "TQ1_0"},  {37, "TQ2_0"},  {38, "MXFP4"},   {39, "NVFP4"},  {40, "Q1_0"},    {41, "Q2_0"}});

constexpr std::uint64_t kMostParts = 65535;

[[noreturn]] void refuse_part(const std::string& name, const std::string& why) {
  throw Error("cannot use '" + name + "': " + why);
}

std::string part_ending(std::uint64_t number, std::uint64_t count) {
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "-%05u-of-%05u.gguf", static_cast<unsigned>(number), static_cast<unsigned>(count));
  return text.data();
}

std::string part_text(std::uint64_t number, std::uint64_t count) {
  return "part " + std::to_string(number) + " of " + std::to_string(count);
}

/// Returns which of how many parts a file is, counted from 0; {0, 1} for a whole model.
std::pair<std::uint64_t, std::uint64_t> place_of(const GgufFile& file) {
  const std::uint64_t count = file.unsigned_at("split.count").value_or(1), number = file.unsigned_at("split.no").value_or(0);
  if (count == 0) return {0, 1};  // as gguf-split writes of a model that it has joined
  if (count > kMostParts || number >= count)
    refuse_part(file.name(), "its split.no is " + std::to_string(number) + " and its split.count " + std::to_string(count) +
                                 ", which cannot be");
  return {number, count};
}

/// Returns what the names of the parts begin with.
std::string part_stem(const std::string& path, std::uint64_t number, std::uint64_t count) {
  const std::string ending = part_ending(number + 1, count);
  if (!path.ends_with(ending))
    refuse_part(path, "it is " + part_text(number + 1, count) + ", whose name has to end with '" + ending +
                          "', so that the others are found; give the parts their names back");
  return path.substr(0, path.size() - ending.size());
}

void check_part(const GgufFile& file, std::uint64_t number, std::uint64_t count) {
  const auto [stated, of] = place_of(file);
  if (stated != number || of != count)
    refuse_part(file.name(), "it says that it is " + part_text(stated + 1, of) + ", and its name that it is " +
                                 part_text(number + 1, count) + "; the parts of two models are mixed");
}

void check_tensors(const GgufParts& parts) {
  const std::optional<std::uint64_t> stated = parts.first().unsigned_at("split.tensors.count");
  if (stated && *stated != parts.tensor_count())
    refuse_part(parts.name(), "its parts have " + std::to_string(parts.tensor_count()) + " tensors, expected " +
                                  std::to_string(*stated) + "; the parts of two models are mixed");
  for (const GgufFile& file : parts.files()) {
    for (const GgufTensor& tensor : file.tensors()) {
      if (parts.find(tensor.name).file != &file)
        refuse_part(file.name(), "the tensor '" + tensor.name.substr(0, 100) + "' is in another part too");
    }
  }
}

}  // namespace

GgufParts GgufParts::open(const std::string& path) {
  GgufParts parts;
  parts.files_.push_back(GgufFile::open(path));
  const auto [number, count] = place_of(parts.first());
  if (count == 1) return parts;
  const std::string stem = part_stem(parts.name(), number, count);
  if (number != 0)
    refuse_part(parts.name(),
                "it is " + part_text(number + 1, count) + "; give the first, '" + stem + part_ending(1, count) + "'");
  for (std::uint64_t i = 1; i < count; ++i) {
    const std::string other = stem + part_ending(i + 1, count);
    if (!exists(other)) refuse_part(parts.name(), "it is " + part_text(1, count) + ", and '" + other + "' is missing");
    parts.files_.push_back(GgufFile::open(other));
    check_part(parts.files_.back(), i, count);
  }
  check_tensors(parts);
  return parts;
}

std::size_t GgufParts::tensor_count() const {
  std::size_t count = 0;
  for (const GgufFile& file : files_) count += file.tensors().size();
  return count;
}

GgufFound GgufParts::find(std::string_view tensor) const {
  for (const GgufFile& file : files_) {
    if (const GgufTensor* found = file.find_tensor(tensor)) return {&file, found};
  }
  return {};
}

std::vector<float> GgufParts::vector(std::string_view name) const {
  const GgufFound found = find(name);
  LM_CHECK(found.tensor != nullptr);
  const GgufTensor& tensor = *found.tensor;
  if (tensor.type != GgmlType::f32 || static_cast<std::uint64_t>(gguf_elements(tensor)) != tensor.shape[0])
    refuse_part(found.file->name(), "the tensor '" + std::string(name) + "' is no vector of F32");
  std::string bytes(tensor.size, '\0');
  found.file->read(tensor.offset, bytes.data(), bytes.size());
  std::vector<float> values(tensor.shape[0]);
  dequantize(tensor.type, bytes.data(), std::ssize(values), values.data());
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
    refuse_part(found.file->name(), "the tensor '" + std::string(name) + "' holds numbers that are not finite");
  return values;
}

std::vector<std::string> gguf_part_names(const std::string& path) {
  std::vector<std::string> names;
  const std::size_t size = part_ending(1, 1).size();
  if (path.size() < size) return names;
  const std::string stem = path.substr(0, path.size() - size), ending = path.substr(stem.size());
  unsigned count = 0;
  if (std::sscanf(ending.c_str(), "-00001-of-%5u.gguf", &count) != 1 || ending != part_ending(1, count)) return names;
  for (unsigned number = 1; number <= count; ++number) names.push_back(stem + part_ending(number, count));
  return names;
}

std::int64_t gguf_elements(const GgufTensor& tensor) {
  const GgmlTypeFacts& facts = facts_of(tensor.type);
  return static_cast<std::int64_t>(tensor.size) / facts.bytes * facts.values;
}

std::string gguf_file_type(const GgufParts& parts) {
  const std::optional<std::uint64_t> stated = parts.first().unsigned_at("general.file_type");
  const auto* known = std::find_if(kFileTypes.begin(), kFileTypes.end(),
                                   [&](const FileType& type) { return stated && type.number == *stated; });
  if (known != kFileTypes.end()) return std::string(known->name);
  std::map<std::string_view, std::int64_t> weights;
  for (const GgufFile& file : parts.files()) {
    for (const GgufTensor& tensor : file.tensors()) weights[to_string(tensor.type)] += gguf_elements(tensor);
  }
  const auto most =
      std::max_element(weights.begin(), weights.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == weights.end() ? "nothing" : std::string(most->first);
}

bool is_quantized(const GgufParts& parts) {
  const auto in_blocks = [](const GgufTensor& tensor) { return facts_of(tensor.type).values > 1; };
  return std::any_of(parts.files().begin(), parts.files().end(), [&](const GgufFile& file) {
    return std::any_of(file.tensors().begin(), file.tensors().end(), in_blocks);
  });
}

}  // namespace lm
