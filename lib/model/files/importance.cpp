#include "model/files/importance.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/gguf.h"
#include "base/gguf_writer.h"
#include "base/little_endian.h"

namespace lm {

namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr FileLimit kImportanceLimit{.bytes = std::uint64_t{1} << 30U, .kind = "an importance"};

[[noreturn]] void refuse_importance(const std::string& name, const std::string& why) {
  throw Error("cannot use '" + name + "' as importance: " + why +
              "; give a file that lm-eval-ppl --importance or llama.cpp's llama-imatrix wrote");
}

void check_number(const std::string& file, const std::string& name, float number) {
  if (!std::isfinite(number) || number < 0)
    refuse_importance(file, "a mean square of '" + name.substr(0, 100) + "' is negative or no number");
}

std::vector<float> floats_of(const GgufFile& file, const GgufTensor& tensor) {
  if (tensor.type != GgmlType::f32) refuse_importance(file.name(), "its tensor '" + tensor.name + "' is not F32");
  std::vector<float> values(tensor.size / sizeof(float));
  file.read(tensor.offset, values.data(), tensor.size);
  return values;
}

/// Reads the sums of one matrix; one of several experts has as many counts, which are no part of models here.
std::vector<float> means_of(const GgufFile& file, const GgufTensor& sums, const GgufTensor& counts,
                            const std::string& name) {
  std::vector<float> values = floats_of(file, sums);
  const std::vector<float> count = floats_of(file, counts);
  if (count.empty() || values.size() % count.size() != 0)
    refuse_importance(file.name(), "the sums and counts of '" + name + "' do not fit each other");
  const std::size_t width = values.size() / count.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float n = count[i / width];
    check_number(file.name(), name, n);
    values[i] = n > 0 ? values[i] / n : 1.0F;
    check_number(file.name(), name, values[i]);
  }
  return values;
}

Importance read_gguf_importance(const std::string& path) {
  const GgufFile file = GgufFile::open(path);
  if (file.string_at("general.type") != "imatrix")
    refuse_importance(file.name(), "it is a GGUF file that holds something else (its general.type is not imatrix)");
  std::map<std::string_view, const GgufTensor*> counts;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.name.ends_with(kCounts))
      counts[std::string_view(tensor.name).substr(0, tensor.name.size() - kCounts.size())] = &tensor;
  }
  Importance importance;
  for (const GgufTensor& tensor : file.tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - kSums.size());
    const auto count = counts.find(name);
    if (count == counts.end()) refuse_importance(file.name(), "it has no counts of '" + name + "'");
    importance[name] = means_of(file, tensor, *count->second, name);
  }
  return importance;
}

/// Takes numbers and texts off the front of a file.
class LegacyReader {
 public:
  LegacyReader(std::string_view bytes, std::string name) : rest_(bytes), name_(std::move(name)) {}
  /// Returns a count of things of so many bytes, all of which are there.
  std::size_t count(std::size_t bytes_each) {
    const auto number = load_little<std::int32_t>(take(sizeof(std::int32_t)).data());
    if (number < 0 || static_cast<std::size_t>(number) > rest_.size() / bytes_each)
      refuse_importance(name_, "it is no importance, or breaks off");
    return static_cast<std::size_t>(number);
  }
  std::int32_t integer() { return load_little<std::int32_t>(take(sizeof(std::int32_t)).data()); }
  std::string_view take(std::size_t size) {
    if (rest_.size() < size) refuse_importance(name_, "it is no importance, or breaks off");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
  std::string name_;
};

Importance read_legacy_importance(const std::string& path) {
  const FileContent file = FileContent::read(path, kImportanceLimit);
  LegacyReader reader(file.text(), file.name());
  Importance importance;
  const std::size_t entries = reader.count(3 * sizeof(std::int32_t));
  if (entries == 0) refuse_importance(file.name(), "it is no importance, or has no entries");
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const std::string name(reader.take(reader.count(1)));
    const std::int32_t calls = reader.integer();
    std::vector<float> values(reader.count(sizeof(float)));
    const std::string_view bytes = reader.take(values.size() * sizeof(float));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto bits = load_little<std::uint32_t>(bytes.data() + i * sizeof(float));
      values[i] = std::bit_cast<float>(bits) / static_cast<float>(std::max(calls, 1));
      check_number(file.name(), name, values[i]);
    }
    importance[name] = std::move(values);
  }
  return importance;
}

GgufSource float_source(std::string name, std::vector<std::int64_t> shape, std::vector<float> values) {
  return {.name = std::move(name),
          .shape = std::move(shape),
          .type = GgmlType::f32,
          .produce = [values = std::move(values)](const GgufSource::Sink& sink) {
            sink(values.data(), values.size() * sizeof(float));
          }};
}

}  // namespace

Importance read_importance(const std::string& path) {
  return kind_of_path(path) == FileKind::gguf ? read_gguf_importance(path) : read_legacy_importance(path);
}

void write_importance(const std::string& path, const ImportanceRecord& record) {
  GgufFields fields;
  fields.set("general.type", std::string("imatrix"));
  fields.set("imatrix.datasets", record.datasets);
  std::int64_t rows = 0;
  std::vector<GgufSource> tensors;
  for (const auto& [name, sums] : record.sums) {
    rows = std::max(rows, sums.rows);
    std::vector<float> squares(sums.squares.begin(), sums.squares.end());
    const auto columns = static_cast<std::int64_t>(squares.size());
    tensors.push_back(float_source(name + std::string(kSums), {columns, 1}, std::move(squares)));
    tensors.push_back(float_source(name + std::string(kCounts), {1, 1}, {static_cast<float>(sums.rows)}));
  }
  const std::int64_t window = std::max<std::int64_t>(record.window, 1);
  fields.set("imatrix.chunk_count", static_cast<std::uint32_t>((rows + window - 1) / window));
  fields.set("imatrix.chunk_size", static_cast<std::uint32_t>(window));
  const std::unique_ptr<OutputStream> output = open_output(path);
  write_gguf(*output, fields, tensors);
  output->close();
}

}  // namespace lm
