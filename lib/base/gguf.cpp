#include "base/gguf.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "base/little_endian.h"

namespace lm {

namespace {

constexpr std::array<std::string_view, 13> kGgufTypeNames = {"an unsigned 8-bit integer",
                                                             "an 8-bit integer",
                                                             "an unsigned 16-bit integer",
                                                             "a 16-bit integer",
                                                             "an unsigned 32-bit integer",
                                                             "a 32-bit integer",
                                                             "a 32-bit float",
                                                             "a boolean",
                                                             "a string",
                                                             "an array",
                                                             "an unsigned 64-bit integer",
                                                             "a 64-bit integer",
                                                             "a 64-bit float"};
// Bytes of a value; 0: it depends.
constexpr std::array<std::uint64_t, 13> kGgufTypeSizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

// No model has nearly as many of either.
constexpr std::uint64_t kMaxEntries = 65536, kMaxTensors = 65536;
constexpr std::uint64_t kMaxNameBytes = 65535;
constexpr std::uint64_t kHeaderBytes = 24;

/// Returns the product, or nothing if it does not fit.
std::optional<std::uint64_t> multiply_sizes(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

std::string quote_key(std::string_view key) { return json_quote(key.substr(0, 100)); }

}  // namespace

std::string_view to_string(GgufType type) { return kGgufTypeNames[static_cast<std::size_t>(type)]; }

/// Walks over the file with a small buffer; every step is checked against the end.
class GgufFile::Reader {
 public:
  explicit Reader(const GgufFile& owner, std::uint64_t offset = 0)
      : owner_(owner), file_(owner.file_), offset_(offset), end_(owner.file_.size()) {}

  std::uint64_t offset() const { return offset_; }
  std::uint64_t left() const { return end_ - offset_; }

  template <class Integer>
  Integer number() {
    std::array<char, sizeof(Integer)> raw;
    take(raw.data(), raw.size());
    return load_little<Integer>(raw.data());
  }
  GgufType type() {
    const std::uint64_t at = offset_;
    const auto type = number<std::uint32_t>();
    if (type >= kGgufTypeNames.size())
      owner_.refuse("byte " + std::to_string(at) + " has the type " + std::to_string(type) +
                    " for a value, which is not known");
    return static_cast<GgufType>(type);
  }
  std::string string(std::uint64_t limit) {
    const std::uint64_t at = offset_;
    const auto size = number<std::uint64_t>();
    if (size > left() || size > limit) {
      owner_.refuse("byte " + std::to_string(at) + " says that a string has " + std::to_string(size) +
                    " bytes, of which only " + std::to_string(std::min(left(), limit)) + " can be");
    }
    std::string text(size, '\0');
    take(text.data(), text.size());
    return text;
  }
  void skip(std::uint64_t size) {
    if (size > left()) owner_.refuse("it breaks off after " + std::to_string(end_) + " bytes");
    offset_ += size;
  }
  void take(void* bytes, std::size_t size) {
    if (size > left()) owner_.refuse("it breaks off after " + std::to_string(end_) + " bytes");
    if (offset_ < start_ || offset_ + size > start_ + buffer_.size()) {
      if (size > kBuffer) {
        file_.read(offset_, bytes, size);
        offset_ += size;
        return;
      }
      start_ = offset_;
      buffer_.resize(std::min<std::uint64_t>(kBuffer, left()));
      file_.read(start_, buffer_.data(), buffer_.size());
    }
    std::copy_n(buffer_.data() + (offset_ - start_), size, static_cast<char*>(bytes));
    offset_ += size;
  }
  GgufArray array() {
    const std::uint64_t at = offset_;
    GgufArray array{.type = type(), .count = number<std::uint64_t>()};
    if (array.type == GgufType::array)
      owner_.refuse("byte " + std::to_string(at) + " begins an array of arrays, which is not known");
    array.offset = offset_;
    const bool strings = array.type == GgufType::string;
    const std::uint64_t element = strings ? 8 : kGgufTypeSizes[static_cast<std::size_t>(array.type)];
    if (array.count > left() / element) {
      owner_.refuse("byte " + std::to_string(at) + " says that an array has " + std::to_string(array.count) +
                    " elements, more than the rest of the file");
    }
    if (strings) {
      for (std::uint64_t i = 0; i < array.count; ++i) skip(number<std::uint64_t>());
    } else {
      skip(array.count * element);
    }
    array.size = offset_ - array.offset;
    return array;
  }

 private:
  static constexpr std::size_t kBuffer = std::size_t{1} << 16;
  const GgufFile& owner_;
  const RandomAccessFile& file_;
  std::uint64_t offset_, end_;
  std::string buffer_;
  std::uint64_t start_ = 0;  // where in the file the buffer is
};

namespace {

template <class Reader>
GgufValue read_gguf_value(Reader& reader, GgufType type) {
  switch (type) {
    case GgufType::uint8:
      return {type, std::uint64_t{reader.template number<std::uint8_t>()}};
    case GgufType::uint16:
      return {type, std::uint64_t{reader.template number<std::uint16_t>()}};
    case GgufType::uint32:
      return {type, std::uint64_t{reader.template number<std::uint32_t>()}};
    case GgufType::uint64:
      return {type, reader.template number<std::uint64_t>()};
    case GgufType::int8:
      return {type, std::int64_t{reader.template number<std::int8_t>()}};
    case GgufType::int16:
      return {type, std::int64_t{reader.template number<std::int16_t>()}};
    case GgufType::int32:
      return {type, std::int64_t{reader.template number<std::int32_t>()}};
    case GgufType::int64:
      return {type, reader.template number<std::int64_t>()};
    case GgufType::float32:
      return {type, double{std::bit_cast<float>(reader.template number<std::uint32_t>())}};
    case GgufType::float64:
      return {type, std::bit_cast<double>(reader.template number<std::uint64_t>())};
    case GgufType::boolean:
      return {type, reader.template number<std::uint8_t>() != 0};
    case GgufType::string:
      return {type, reader.string(UINT64_MAX)};
    case GgufType::array:
      break;
  }
  return {type, reader.array()};
}

}  // namespace

GgufFile GgufFile::open(const std::string& path) {
  return GgufFile(RandomAccessFile::open(path, [](std::string_view so_far) {
    if (!std::string_view("GGUF").starts_with(so_far.substr(0, 4)))
      throw Error("invalid GGUF file: its first bytes are not GGUF");
  }));
}

GgufFile::GgufFile(RandomAccessFile file) : file_(std::move(file)) {
  Reader reader(*this);
  std::array<char, 4> magic{};
  if (file_.size() < kHeaderBytes) refuse("it has " + std::to_string(file_.size()) + " bytes, less than its header");
  reader.take(magic.data(), magic.size());
  if (std::string_view(magic.data(), magic.size()) != "GGUF") refuse("its first bytes are not GGUF");
  version_ = reader.number<std::uint32_t>();
  if ((version_ & 0xFFFF) == 0 && version_ != 0)
    refuse("it is big-endian; convert it to little-endian with gguf-convert-endian");
  if (version_ == 1)
    refuse("it has version 1 of the format, expected 2 or 3; convert the model again with a later llama.cpp");
  if (version_ != 2 && version_ != 3)
    refuse("it has version " + std::to_string(version_) + " of the format, expected 2 or 3");
  const auto tensors = reader.number<std::uint64_t>();
  const auto entries = reader.number<std::uint64_t>();
  read_entries(reader, entries);
  read_tensors(reader, tensors);
  const std::uint64_t past = reader.offset() % alignment_;
  place_tensors(reader.offset() + (past == 0 ? 0 : alignment_ - past));
}

void GgufFile::read_entries(Reader& reader, std::uint64_t count) {
  constexpr std::uint64_t kLeast = 8 + 4 + 1;  // an empty key, the type and one byte
  if (count > kMaxEntries || count > reader.left() / kLeast)
    refuse("its header says that it has " + std::to_string(count) + " metadata entries, more than can be");
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string key = reader.string(kMaxNameBytes);
    const GgufType type = reader.type();
    entries_.push_back({std::move(key), read_gguf_value(reader, type)});
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  const auto same =
      std::adjacent_find(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.key == b.key; });
  if (same != entries_.end()) refuse("the key " + quote_key(same->key) + " appears twice");
  if (const std::optional<std::uint64_t> alignment = unsigned_at("general.alignment")) {
    if (*alignment == 0 || (*alignment & (*alignment - 1)) != 0 || *alignment > (1U << 20))
      refuse("its general.alignment is " + std::to_string(*alignment) + ", which is no power of two up to 1048576");
    alignment_ = *alignment;
  }
}

void GgufFile::read_tensors(Reader& reader, std::uint64_t count) {
  constexpr std::uint64_t kLeast = 8 + 4 + 4 + 8;  // an empty name, no dimensions, the type and the offset
  if (count > kMaxTensors || count > reader.left() / kLeast)
    refuse("its header says that it has " + std::to_string(count) + " tensors, more than can be");
  for (std::uint64_t i = 0; i < count; ++i) {
    GgufTensor tensor;
    tensor.name = reader.string(kMaxNameBytes);
    tensor.dimensions = reader.number<std::uint32_t>();
    if (tensor.dimensions > tensor.shape.size())
      refuse("the tensor " + quote_key(tensor.name) + " has " + std::to_string(tensor.dimensions) +
             " dimensions, more than 4");
    for (std::uint32_t d = 0; d < tensor.dimensions; ++d) tensor.shape[d] = reader.number<std::uint64_t>();
    const auto type = reader.number<std::uint32_t>();
    const GgmlTypeFacts* facts = find_ggml_type(type);
    if (facts == nullptr)
      refuse("the tensor " + quote_key(tensor.name) + " has the type " + std::to_string(type) + ", which is not known");
    tensor.type = facts->type;
    tensor.offset = reader.number<std::uint64_t>();
    tensors_.push_back(std::move(tensor));
  }
  index_tensors();
}

void GgufFile::index_tensors() {
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tensors_[a].name < tensors_[b].name; });
  const auto same = std::adjacent_find(by_name_.begin(), by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return tensors_[a].name == tensors_[b].name;
  });
  if (same != by_name_.end()) refuse("the tensor " + quote_key(tensors_[*same].name) + " appears twice");
}

/// Computes sizes, and checks that each tensor begins where the one before ends, up to the alignment, and the last ends the
/// file.
void GgufFile::place_tensors(std::uint64_t data_offset) {
  std::uint64_t expected = 0;  // from data_offset on
  for (GgufTensor& tensor : tensors_) {
    const std::string name = "the tensor " + quote_key(tensor.name);
    const GgmlTypeFacts& facts = facts_of(tensor.type);
    const auto block = static_cast<std::uint64_t>(facts.values), bytes = static_cast<std::uint64_t>(facts.bytes);
    if (tensor.shape[0] % block != 0)
      refuse(name + " has rows of " + std::to_string(tensor.shape[0]) + " values, expected a multiple of " +
             std::to_string(block));
    std::optional<std::uint64_t> size = multiply_sizes(tensor.shape[0] / block, bytes);
    for (std::size_t d = 1; d < tensor.shape.size() && size; ++d) size = multiply_sizes(*size, tensor.shape[d]);
    if (tensor.offset != expected)
      refuse(name + " begins at byte " + std::to_string(tensor.offset) + " of the data, expected " +
             std::to_string(expected));
    const std::uint64_t left = data_offset > file_.size() ? 0 : file_.size() - data_offset;
    if (!size || *size > left || expected > left - *size)
      refuse(name + " goes beyond the end of the file, which breaks off");
    tensor.offset = data_offset + expected;
    tensor.size = *size;
    expected += (*size + alignment_ - 1) / alignment_ * alignment_;
  }
  const std::uint64_t end = data_offset + expected;
  if (file_.size() > end) refuse("it has " + std::to_string(file_.size() - end) + " bytes after its end");
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key,
                                   [](const Entry& entry, std::string_view wanted) { return entry.key < wanted; });
  return at != entries_.end() && at->key == key ? &at->value : nullptr;
}

std::vector<std::string_view> GgufFile::keys() const {
  std::vector<std::string_view> keys;
  for (const Entry& entry : entries_) keys.emplace_back(entry.key);
  return keys;
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto at =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](std::uint32_t index, std::string_view wanted) { return tensors_[index].name < wanted; });
  return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

std::optional<std::string> GgufFile::string_at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(&value->value);
  if (text == nullptr) refuse_type(key, "a string", value->type);
  return *text;
}

std::optional<bool> GgufFile::boolean_at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* flag = std::get_if<bool>(&value->value);
  if (flag == nullptr) refuse_type(key, "a boolean", value->type);
  return *flag;
}

std::optional<std::uint64_t> GgufFile::unsigned_at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<std::uint64_t>(&value->value)) return *number;
  const auto* number = std::get_if<std::int64_t>(&value->value);
  if (number == nullptr) refuse_type(key, "an integer", value->type);
  if (*number < 0)
    refuse("its " + quote_key(key) + " is " + std::to_string(*number) + ", expected a number that is not negative");
  return static_cast<std::uint64_t>(*number);
}

std::optional<double> GgufFile::number_at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* natural = std::get_if<std::uint64_t>(&value->value)) return static_cast<double>(*natural);
  if (const auto* integer = std::get_if<std::int64_t>(&value->value)) return static_cast<double>(*integer);
  const auto* number = std::get_if<double>(&value->value);
  if (number == nullptr) refuse_type(key, "a number", value->type);
  return *number;
}

std::optional<GgufArray> GgufFile::array_at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* array = std::get_if<GgufArray>(&value->value);
  if (array == nullptr) refuse_type(key, "an array", value->type);
  return *array;
}

void GgufFile::for_each_string(const GgufArray& array, const std::function<void(std::string_view)>& take) const {
  if (array.type != GgufType::string)
    refuse("an array has elements of another type than strings: " + std::string(to_string(array.type)));
  Reader reader(*this, array.offset);
  for (std::uint64_t i = 0; i < array.count; ++i) take(reader.string(UINT64_MAX));
}

std::vector<std::int64_t> GgufFile::integers(const GgufArray& array, std::uint64_t most) const {
  const std::uint64_t count = std::min(array.count, most);
  std::vector<std::int64_t> numbers;
  if (array.type == GgufType::string || array.type == GgufType::array)
    refuse("an array has elements of another type than integers: " + std::string(to_string(array.type)));
  numbers.reserve(count);
  Reader reader(*this, array.offset);
  for (std::uint64_t i = 0; i < count; ++i) {
    const GgufValue value = read_gguf_value(reader, array.type);
    if (const auto* number = std::get_if<std::int64_t>(&value.value)) {
      numbers.push_back(*number);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&value.value); natural && *natural <= INT64_MAX) {
      numbers.push_back(static_cast<std::int64_t>(*natural));
    } else if (const auto* flag = std::get_if<bool>(&value.value)) {
      numbers.push_back(*flag ? 1 : 0);
    } else {
      refuse("an array has elements of another type than integers: " + std::string(to_string(array.type)));
    }
  }
  return numbers;
}

std::vector<float> GgufFile::floats(const GgufArray& array) const {
  if (array.type != GgufType::float32)
    refuse("an array has elements of another type than floats: " + std::string(to_string(array.type)));
  std::vector<float> numbers(array.count);
  Reader reader(*this, array.offset);
  for (float& number : numbers) number = std::bit_cast<float>(reader.number<std::uint32_t>());
  return numbers;
}

std::string GgufFile::bytes(const GgufArray& array) const {
  if (array.type != GgufType::uint8 && array.type != GgufType::int8)
    refuse("an array has elements of another type than bytes: " + std::string(to_string(array.type)));
  std::string content(array.size, '\0');
  file_.read(array.offset, content.data(), content.size());
  return content;
}

void GgufFile::refuse(const std::string& why) const { throw Error("invalid GGUF file '" + file_.name() + "': " + why); }

void GgufFile::refuse_type(std::string_view key, std::string_view expected, GgufType got) const {
  refuse("its " + quote_key(key) + " is " + std::string(to_string(got)) + ", expected " + std::string(expected));
}

}  // namespace lm
