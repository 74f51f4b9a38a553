// Writing safetensors: the header, with the checksum of all that follows, and the tensors.
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/little_endian.h"
#include "model/files/safetensors.h"
#include "model/files/safetensors_header.h"

namespace lm {

namespace {

std::uint64_t size_of(const TensorSource& tensor) {
  std::int64_t size = dtype_size(tensor.dtype);
  for (const std::int64_t dimension : tensor.shape) LM_CHECK(!__builtin_mul_overflow(size, dimension, &size) && size >= 0);
  return static_cast<std::uint64_t>(size);
}

std::string header_text(const SafetensorsMetadata& metadata, std::span<const TensorSource> tensors) {
  std::string text = "{\"__metadata__\":{";
  for (auto member = metadata.begin(); member != metadata.end(); ++member) {
    if (member != metadata.begin()) text += ',';
    text += json_quote(member->first) + ':' + json_quote(member->second);
  }
  text += '}';
  std::uint64_t offset = 0;
  for (const TensorSource& tensor : tensors) {
    text += ',' + json_quote(tensor.name) + ":{\"dtype\":\"" + std::string(dtype_name(tensor.dtype)) + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(tensor.shape[i]);
    const std::uint64_t end = offset + size_of(tensor);
    text += "],\"data_offsets\":[" + std::to_string(offset) + ',' + std::to_string(end) + "]}";
    offset = end;
  }
  text += '}';
  while (text.size() % 8 != 0) text += ' ';  // so that the data, which follow 8 bytes of length, are aligned
  return text;
}

void give_all(std::span<const TensorSource> tensors, const TensorSource::Sink& sink) {
  for (const TensorSource& tensor : tensors) {
    std::uint64_t given = 0;
    const auto count_and_give = [&](const void* bytes, std::size_t size) {
      given += size;
      sink(bytes, size);
    };
    if (tensor.produce) {
      tensor.produce(count_and_give);
    } else {
      count_and_give(tensor.bytes.data(), tensor.bytes.size());
    }
    LM_CHECK(given == size_of(tensor));
  }
}

}  // namespace

TensorSource tensor_source(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  return {.name = std::move(name),
          .dtype = Dtype::f32,
          .shape = std::move(shape),
          .bytes = std::as_bytes(values),
          .produce = {}};
}

void write_safetensors(OutputStream& output, const SafetensorsMetadata& metadata, std::span<const TensorSource> tensors) {
  SafetensorsMetadata complete = metadata;
  complete["format"] = "pt";
  complete[std::string(kChecksumKey)] = std::string(kChecksumDigits, '0');
  std::string header = header_text(complete, tensors);
  if (header.size() > kLargestSafetensorsHeader) {
    throw Error("cannot write '" + output.name() + "': its header would be larger than 100,000,000 bytes");
  }
  const std::string start = little_bytes(std::uint64_t{header.size()});
  Hasher hasher;
  hasher.update(start.data(), start.size());
  hasher.update(header.data(), header.size());
  give_all(tensors, [&](const void* bytes, std::size_t size) { hasher.update(bytes, size); });
  header.replace(find_checksum(header), kChecksumDigits, to_hex(hasher.digest128()));

  output.write(start);
  output.write(header);
  give_all(tensors, [&](const void* bytes, std::size_t size) { output.write(bytes, size); });
}

}  // namespace lm
