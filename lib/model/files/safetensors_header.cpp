#include "model/files/safetensors_header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace lm {

namespace {

struct DtypeFact {
  Dtype dtype;
  std::string_view name;
  std::int64_t size;
};

constexpr std::array<DtypeFact, 13> kDtypes = {{{Dtype::f64, "F64", 8},
                                                {Dtype::f32, "F32", 4},
                                                {Dtype::f16, "F16", 2},
                                                {Dtype::bf16, "BF16", 2},
                                                {Dtype::i64, "I64", 8},
                                                {Dtype::i32, "I32", 4},
                                                {Dtype::i16, "I16", 2},
                                                {Dtype::i8, "I8", 1},
                                                {Dtype::u64, "U64", 8},
                                                {Dtype::u32, "U32", 4},
                                                {Dtype::u16, "U16", 2},
                                                {Dtype::u8, "U8", 1},
                                                {Dtype::boolean, "BOOL", 1}}};

const DtypeFact& fact_of(Dtype dtype) {
  return *std::find_if(kDtypes.begin(), kDtypes.end(), [&](const DtypeFact& fact) { return fact.dtype == dtype; });
}

// More of any is no model, but a way to take memory.
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostMetadata = 10'000;
constexpr std::size_t kMostDimensions = 16;

/// Returns the bytes that a shape takes, or nothing if they do not fit into 63 bits.
std::optional<std::uint64_t> bytes_of_shape(const std::vector<std::int64_t>& shape, Dtype dtype) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::int64_t bytes = dtype_size(dtype);
  for (const std::int64_t dimension : shape) {
    if (__builtin_mul_overflow(bytes, dimension, &bytes)) return std::nullopt;
  }
  return static_cast<std::uint64_t>(bytes);
}

// {"__metadata__": {string: string}, name: {"dtype": string, "shape": [integer], "data_offsets": [integer, integer]}}
class HeaderHandler : public JsonHandler {
 public:
  explicit HeaderHandler(const std::string& name) : name_(name) {}

  SafetensorsHeader take() { return std::move(header_); }

  void null() override { unexpected("null"); }
  void boolean(bool) override { unexpected("a truth value"); }
  void real(double) override { unexpected("a number that is not a 63-bit integer"); }

  void integer(std::int64_t value) override {
    if (place_ != Place::shape && place_ != Place::offsets) unexpected("a number");
    if (value < 0) refuse(subject() + " has a negative number");
    if (place_ == Place::offsets) {
      if (offsets_.size() == 2) refuse(subject() + " has more than two offsets");
      offsets_.push_back(value);
    } else {
      if (entry_.shape.size() == kMostDimensions) refuse(subject() + " has more than 16 dimensions");
      entry_.shape.push_back(value);
    }
  }

  void string(std::string_view value) override {
    if (place_ == Place::metadata) {
      if (!header_.metadata.emplace(key_, value).second) refuse("the metadata '" + shown(key_) + "' appears twice");
      if (header_.metadata.size() > kMostMetadata) refuse("there are more than 10,000 metadata strings");
    } else if (place_ == Place::tensor && key_ == "dtype") {
      set_dtype(value);
    } else {
      unexpected("a string");
    }
  }

  void key(std::string_view value) override {
    key_ = std::string(value);
    if (place_ == Place::root) entry_ = TensorEntry{.name = key_, .dtype = Dtype::f32, .shape = {}, .offset = 0, .size = 0};
  }

  void begin_object() override {
    if (place_ == Place::outside) {
      place_ = Place::root;
    } else if (place_ == Place::root && key_ == "__metadata__") {
      if (std::exchange(has_metadata_, true)) refuse("'__metadata__' appears twice");
      place_ = Place::metadata;
    } else if (place_ == Place::root) {
      place_ = Place::tensor;
    } else {
      unexpected("an object");
    }
  }

  void end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    place_ = place_ == Place::root ? Place::outside : Place::root;
  }

  void begin_array() override {
    if (place_ == Place::tensor && key_ == "shape" && !std::exchange(has_shape_, true)) {
      place_ = Place::shape;
    } else if (place_ == Place::tensor && key_ == "data_offsets" && !std::exchange(has_offsets_, true)) {
      place_ = Place::offsets;
    } else {
      unexpected("an array");
    }
  }

  void end_array() override { place_ = Place::tensor; }

 private:
  enum class Place { outside, root, metadata, tensor, shape, offsets };

  static std::string shown(const std::string& text) { return text.substr(0, 100); }
  std::string subject() const { return "tensor '" + shown(entry_.name) + "'"; }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("cannot use '" + name_ + "': its safetensors header is wrong: " + why);
  }

  [[noreturn]] void unexpected(const std::string& what) const {
    if (place_ == Place::outside) refuse("it is not an object");
    refuse("unexpected, or a second time, " + what + " at '" + shown(key_) + "'" +
           (place_ == Place::root || place_ == Place::metadata ? "" : " of " + subject()));
  }

  void set_dtype(std::string_view value) {
    const auto fact =
        std::find_if(kDtypes.begin(), kDtypes.end(), [&](const DtypeFact& known) { return known.name == value; });
    if (fact == kDtypes.end()) {
      throw Error("cannot use '" + name_ + "': " + subject() + " has the type '" + shown(std::string(value)) +
                  "', which is not supported; convert it to BF16");
    }
    if (std::exchange(has_dtype_, true)) refuse(subject() + " has two types");
    entry_.dtype = fact->dtype;
  }

  void finish_tensor() {
    if (!has_dtype_ || !has_shape_ || offsets_.size() != 2) refuse(subject() + " lacks its type, shape or offsets");
    if (offsets_[1] < offsets_[0]) refuse(subject() + " ends before it begins");
    entry_.offset = static_cast<std::uint64_t>(offsets_[0]);
    entry_.size = static_cast<std::uint64_t>(offsets_[1] - offsets_[0]);
    if (bytes_of_shape(entry_.shape, entry_.dtype) != entry_.size) {
      refuse(subject() + " takes " + std::to_string(entry_.size) + " bytes, which is not what its shape and type take");
    }
    if (header_.entries.size() == kMostTensors) refuse("there are more than 100,000 tensors");
    header_.entries.push_back(std::move(entry_));
    offsets_.clear();
    has_dtype_ = has_shape_ = has_offsets_ = false;
  }

  const std::string& name_;
  SafetensorsHeader header_;
  Place place_ = Place::outside;
  std::string key_;
  TensorEntry entry_;
  std::vector<std::int64_t> offsets_;
  bool has_metadata_ = false;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
};

}  // namespace

std::int64_t dtype_size(Dtype dtype) { return fact_of(dtype).size; }

std::string_view dtype_name(Dtype dtype) { return fact_of(dtype).name; }

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& name) {
  HeaderHandler handler(name);
  parse_json_events(text, name, handler);
  return handler.take();
}

std::size_t find_checksum(std::string_view header) {
  const std::string key = "\"" + std::string(kChecksumKey) + "\"";
  const auto skip_spaces = [&](std::size_t at) { return std::min(header.find_first_not_of(" \t\r\n", at), header.size()); };
  for (std::size_t at = header.find(key); at != std::string_view::npos; at = header.find(key, at + 1)) {
    const std::size_t colon = skip_spaces(at + key.size());
    if (colon >= header.size() || header[colon] != ':') continue;  // a value, not a key
    const std::size_t quote = skip_spaces(colon + 1);
    if (quote < header.size() && header[quote] == '"' && header.size() - quote > kChecksumDigits + 1) return quote + 1;
  }
  return std::string_view::npos;
}

}  // namespace lm
