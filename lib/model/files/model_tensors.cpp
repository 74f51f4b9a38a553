#include "model/files/model_tensors.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "model/families.h"

namespace lm {

namespace {

void replace_end(std::string& name, std::string_view end, std::string_view by) {
  if (name.ends_with(end)) name.replace(name.size() - end.size(), end.size(), by);
}

/// Calls visit(row in memory) for each row in its order on disk.
template <class Visit>
void for_each_disk_row(const TensorSpec& spec, std::int64_t rows, Visit&& visit) {
  if (spec.order != DiskOrder::heads) {
    for (std::int64_t row = 0; row < rows; ++row) visit(row);
    return;
  }
  // Queries, keys and values of equal size, each with a head's rows together.
  const std::int64_t part = rows / 3, width = spec.head_dim;
  for (std::int64_t head = 0; head < part / width; ++head) {
    for (std::int64_t which = 0; which < 3; ++which) {
      for (std::int64_t row = 0; row < width; ++row) visit(which * part + head * width + row);
    }
  }
}

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "(" : ", ") + std::to_string(size);
  return text.empty() ? "()" : text + ")";
}

void check_tensor(const FoundTensor& found, const TensorSpec& spec, const std::string& name, const std::string& source) {
  if (found.entry == nullptr) {
    const bool head = name == "lm_head.weight" || name == "embed_out.weight" ||
                      name.find("predictions") != std::string::npos || name.starts_with("vocab_");
    throw Error("no tensor '" + name + "' in '" + source + "'" +
                (head ? "; a model without a head cannot predict tokens" : ""));
  }
  if (found.entry->shape != shape_on_disk(spec)) {
    throw Error("tensor '" + found.entry->name + "' in '" + found.file->name() + "' has shape " +
                shape_text(found.entry->shape) + ", expected " + shape_text(shape_on_disk(spec)));
  }
}

ModelTensors ModelTensors::open(const std::string& path) {
  std::vector<SafetensorsFile> files;
  files.push_back(SafetensorsFile::open(path));
  std::string name = files.front().name();
  return ModelTensors(std::move(name), std::move(files));
}

ModelTensors ModelTensors::open_folder(const std::string& folder) {
  const std::string whole = join_path(folder, "model.safetensors"), index = whole + ".index.json";
  return exists(whole) ? open(whole) : open_shards(folder, index);
}

ModelTensors ModelTensors::open_shards(const std::string& folder, const std::string& index) {
  const JsonValue json = JsonValue::parse(FileContent::read(index, kTokenizerLimit).text(), index);
  const JsonValue* map = json.find("weight_map");
  if (map == nullptr || map->if_object() == nullptr) throw Error("no 'weight_map' in '" + index + "'");
  std::map<std::string, std::size_t, std::less<>> numbers;
  std::vector<SafetensorsFile> files;
  for (const auto& [tensor, value] : *map->if_object()) {
    const std::string* file = value.if_string();
    if (file == nullptr) throw Error("no file for '" + tensor + "' in '" + index + "'");
    // A NUL would end the name where the system reads it.
    if (file->empty() || file->find_first_of(std::string_view("/\0", 2)) != std::string::npos || *file == "." ||
        *file == "..") {
      throw Error("cannot use '" + index + "': it names the file " + json_quote(file->substr(0, 100)) +
                  ", but only files of its own folder are read");
    }
    const auto [place, fresh] = numbers.try_emplace(*file, files.size());
    if (fresh) files.push_back(SafetensorsFile::open(join_path(folder, *file)));
    if (files[place->second].find(tensor) == nullptr) {
      throw Error("cannot use '" + index + "': it says that '" + *file + "' has tensor '" + tensor +
                  "', which is not there");
    }
  }
  ModelTensors tensors(index, std::move(files));
  for (const SafetensorsFile& file : tensors.files_) {
    for (const TensorEntry& entry : file.entries()) {
      if (tensors.find(entry.name).file != &file)
        throw Error("tensor '" + entry.name + "' is in two shards of '" + index + "'");
    }
  }
  return tensors;
}

const std::string* ModelTensors::metadata(std::string_view key) const {
  return files_.size() == 1 ? files_.front().metadata(key) : nullptr;
}

FoundTensor ModelTensors::find(std::string_view name) const {
  for (const SafetensorsFile& file : files_) {
    if (const TensorEntry* entry = file.find(name)) return {&file, entry};
  }
  return {};
}

FoundTensor ModelTensors::find(const TensorSpec& spec, Family family) const {
  std::string older = spec.name;
  if (spec.rank == 1) {
    replace_end(older, ".weight", ".gamma");
    replace_end(older, ".bias", ".beta");
  }
  const TensorNames& names = tensor_names(family);
  // The bias of the product with the vocabulary has two names, of which transformers uses this one if both are there.
  const std::string decoder_bias = std::string(names.head) + ".bias";
  if (names.head_bias != nullptr && spec.name == names.head_bias) {
    if (const FoundTensor found = find(decoder_bias); found.entry != nullptr) return found;
  }
  if (names.head_bias != nullptr && spec.name == decoder_bias) older = names.head_bias;
  if (names.other_head != nullptr && spec.name == std::string(names.head) + ".weight")
    older = std::string(names.other_head) + ".weight";
  for (const std::string& name : {spec.name, older}) {
    if (const FoundTensor found = find(name); found.entry != nullptr) return found;
    if (!name.starts_with(names.base)) continue;
    if (const FoundTensor found = find(name.substr(std::string_view(names.base).size())); found.entry != nullptr)
      return found;
  }
  return {};
}

bool is_harmless(std::string_view name, const ModelConfig& config) {
  const TensorNames& names = tensor_names(config.family);
  const auto is = [&](const char* stem, const char* end) { return name == std::string(stem) + end; };
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name.ends_with(".attention.bias") ||
         name.ends_with(".attention.masked_bias") || name.ends_with("rotary_emb.inv_freq") ||
         name.ends_with("embeddings.position_ids") || is_for_other_task(name, config) ||
         (config.tied_embeddings &&
          (is(names.head, ".weight") || (names.other_head != nullptr && is(names.other_head, ".weight"))));
}

bool is_for_other_task(std::string_view name, const ModelConfig& config) {
  return is_masked_family(config.family) &&
         (name.starts_with("cls.seq_relationship.") || name.find("pooler.dense.") != std::string_view::npos);
}

bool is_head_bias(std::string_view name, const ModelConfig& config) {
  const TensorNames& names = tensor_names(config.family);
  return config.head_bias && (name == names.head_bias || name == std::string(names.head) + ".bias");
}

std::vector<std::int64_t> shape_on_disk(const TensorSpec& spec) {
  if (spec.rank == 1) return {spec.columns};
  if (spec.order == DiskOrder::transposed) return {spec.columns, spec.rows};
  return {spec.rows, spec.columns};
}

void read_tensor(const FoundTensor& found, const TensorSpec& spec, const std::string& name, const std::string& source,
                 TensorView<float> view) {
  check_tensor(found, spec, name, source);
  const std::span<float> values(view.data(), static_cast<std::size_t>(spec.size()));
  if (spec.order == DiskOrder::rows) {
    found.file->read_floats(*found.entry, values);
  } else {
    std::vector<float> disk(values.size());
    found.file->read_floats(*found.entry, disk);
    auto next = disk.begin();
    if (spec.order == DiskOrder::transposed) {
      for (std::int64_t column = 0; column < spec.columns; ++column) {
        for (std::int64_t row = 0; row < spec.rows; ++row)
          values[static_cast<std::size_t>(row * spec.columns + column)] = *next++;
      }
    } else {
      const std::int64_t rows = spec.rank == 1 ? spec.columns : spec.rows, width = spec.rank == 1 ? 1 : spec.columns;
      for_each_disk_row(spec, rows, [&](std::int64_t row) {
        std::copy_n(next, width, values.begin() + row * width);
        next += width;
      });
    }
  }
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
    throw Error("tensor '" + name + "' in '" + found.file->name() + "' holds numbers that are not finite");
}

void produce_tensor(const TensorSpec& spec, const float* values, const TensorSource::Sink& sink) {
  if (spec.order == DiskOrder::transposed) {
    std::vector<float> line(static_cast<std::size_t>(spec.rows));
    for (std::int64_t column = 0; column < spec.columns; ++column) {
      for (std::int64_t row = 0; row < spec.rows; ++row)
        line[static_cast<std::size_t>(row)] = values[row * spec.columns + column];
      sink(line.data(), line.size() * sizeof(float));
    }
    return;
  }
  const std::int64_t rows = spec.rank == 1 ? spec.columns : spec.rows, width = spec.rank == 1 ? 1 : spec.columns;
  for_each_disk_row(spec, rows,
                    [&](std::int64_t row) { sink(values + row * width, static_cast<std::size_t>(width) * sizeof(float)); });
}

}  // namespace lm
