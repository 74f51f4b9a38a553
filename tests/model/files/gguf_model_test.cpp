#include "model/files/gguf_model.h"

#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/little_endian.h"
#include "model/files/checkpoint.h"
#include "support/memory_limit.h"
#include "support/refusal.h"
#include "support/test_data.h"

using namespace lm;
using test::contains;
using test::refusal;

namespace {

/// The bytes of a good file, with what a test changes.
class ChangedGguf {
 public:
  explicit ChangedGguf(const std::string& name = "llama.gguf")
      : bytes_(test::read_file(test::golden_path("gguf/" + name))) {}

  /// Replaces the first text that is there by another as long.
  ChangedGguf& replace(std::string_view text, std::string_view by) {
    REQUIRE(text.size() == by.size());
    bytes_.replace(find(text), text.size(), by);
    return *this;
  }
  /// Sets the value of a key, a 32-bit number.
  ChangedGguf& set(std::string_view key, std::uint32_t value) {
    bytes_.replace(find(key) + key.size() + 4, 4, little_bytes(value));
    return *this;
  }
  /// Sets the type of a tensor with so many dimensions.
  ChangedGguf& set_type(std::string_view tensor, std::size_t dimensions, std::uint32_t type) {
    bytes_.replace(find(tensor) + tensor.size() + 4 + 8 * dimensions, 4, little_bytes(type));
    return *this;
  }
  /// Puts a key and its value, whose bytes are given, before the others.
  ChangedGguf& insert(const std::string& entry) {
    ++bytes_[16];  // their number
    bytes_.insert(24, entry);
    return *this;
  }
  std::string& bytes() { return bytes_; }

 private:
  std::size_t find(std::string_view text) const {
    const std::size_t at = bytes_.find(text);
    REQUIRE(at != std::string::npos);
    return at;
  }
  std::string bytes_;
};

std::string refused(const std::string& bytes) {
  const test::TemporaryFolder folder;
  test::put(folder.path("a.gguf"), bytes);
  return refusal([&] { load_model(folder.path("a.gguf")); });
}

std::string refused(ChangedGguf& file) { return refused(file.bytes()); }

}  // namespace

TEST_CASE("a GGUF model is recognized by its bytes, whatever its name") {
  const test::TemporaryFolder folder;
  test::put(folder.path("model"), ChangedGguf().bytes());
  CHECK(load_model(folder.path("model")).record.config.family == Family::llama);
}

TEST_CASE("what a GGUF model has that is not known is refused by its name") {
  const auto says = [](ChangedGguf file, const char* part) {
    CAPTURE(part);
    CHECK(contains(refused(file), part));
  };
  says(ChangedGguf().replace("llama\x14", "lxama\x14"),
       "its architecture (general.architecture) is \"lxama\"; known are llama");
  says(ChangedGguf().replace("llama.rope.freq_base", "llama.rope.freq_bass"),
       "its \"llama.rope.freq_bass\" is a feature that this program does not know");
  says(ChangedGguf().replace("llama.block_count", "llama.clock_count"), "its \"llama.block_count\" is missing");
  says(ChangedGguf().set("llama.rope.dimension_count", 6), "its \"llama.rope.dimension_count\" is 6, expected all 8");
  says(ChangedGguf().replace("blk.1.ffn_down.weight", "blk.1.ffn_dowx.weight"), "no tensor 'blk.1.ffn_down.weight'");
  says(ChangedGguf().replace("rope_freqs.weight", "rope_frexs.weight"), "unexpected tensor 'rope_frexs.weight'");
  says(ChangedGguf().set_type("output_norm.weight", 1, 26), "'output_norm.weight' is of the type I32; known are F32 F16");
  says(ChangedGguf().set("llama.feed_forward_length", 32), "has shape (64, 32), expected (32, 32)");
  says(ChangedGguf().set("llama.block_count", 1U << 31), "is 2147483648, and there are 21 tensors");
  says(ChangedGguf().set("llama.block_count", 1), "unexpected tensor 'blk.1.");
}

TEST_CASE("sizes may be given for each layer if all are alike") {
  const test::TemporaryFolder folder;
  test::put(folder.path("a.gguf"), ChangedGguf().bytes());
  const ModelConfig config = load_model(folder.path("a.gguf")).record.config;
  REQUIRE(config.n_layers == 2);
  const auto heads = static_cast<std::uint32_t>(config.n_kv_heads);
  // 16 bytes more, and 16 by another key, so that tensors stay where they are to be.
  const auto with_heads = [](std::uint32_t first, std::uint32_t second) {
    ChangedGguf file;
    const std::string key = "llama.attention.head_count_kv";
    std::string& bytes = file.bytes();
    bytes.replace(bytes.find(key) + key.size(), 8,
                  little_bytes(std::uint32_t{9}) + little_bytes(std::uint32_t{4}) + little_bytes(std::uint64_t{2}) +
                      little_bytes(first) + little_bytes(second));
    return file.insert(little_bytes(std::uint64_t{3}) + "abc" + little_bytes(std::uint32_t{7}) + "\1").bytes();
  };
  test::put(folder.path("b.gguf"), with_heads(heads, heads));
  CHECK(load_model(folder.path("b.gguf")).record.config.n_kv_heads == config.n_kv_heads);
  CHECK(contains(refused(with_heads(heads, heads * 2)), "layers of different sizes are not known here"));
}

TEST_CASE("a file that says that it was written here, and not of what model, is refused") {
  ChangedGguf file;
  file.insert(little_bytes(std::uint64_t{10}) + "lm.version" + little_bytes(std::uint32_t{8}) +
              little_bytes(std::uint64_t{2}) + "1 ");
  CHECK(contains(refused(file), "and no 'lm.config'"));
}

TEST_CASE("numbers of a GGUF model that are not finite are refused by the tensor's name") {
  ChangedGguf file;
  const GgufModel model = GgufModel::open(test::golden_path("gguf/llama.gguf"));
  const GgufTensor* tensor = model.parts().find("output_norm.weight").tensor;
  REQUIRE(tensor != nullptr);
  file.bytes().replace(tensor->offset, 4,
                       little_bytes(std::bit_cast<std::uint32_t>(std::numeric_limits<float>::infinity())));
  CHECK(contains(refused(file), "tensor 'output_norm.weight' in "));
  CHECK(contains(refused(file), "holds numbers that are not finite"));
}

TEST_CASE("sizes that the file cannot hold are refused before memory is taken for them") {
  for (const char* key : {"llama.embedding_length", "llama.feed_forward_length", "llama.attention.head_count",
                          "llama.attention.head_count_kv", "llama.context_length", "llama.block_count"}) {
    for (const std::uint32_t value : {0U, 3U, 1U << 20, 1U << 30, UINT32_MAX}) {
      CAPTURE(key);
      CAPTURE(value);
      const test::TemporaryFolder folder;
      ChangedGguf file;
      test::put(folder.path("a.gguf"), file.set(key, value).bytes());
      const test::Outcome outcome =
          test::with_memory_limit(2 * file.bytes().size() + (16U << 20), [&] { load_model(folder.path("a.gguf")); });
      const bool is_context = std::string_view(key) == "llama.context_length" && value > 0 && value <= 1U << 30;
      CHECK(outcome == (is_context ? test::Outcome::accepted : test::Outcome::refused));
    }
  }
}

TEST_CASE("a GGUF model with flipped bits is read or refused") {
  const std::string good = ChangedGguf().bytes();
  const test::TemporaryFolder folder;
  for (std::size_t bit = 3; bit < 8 * std::size_t{12000}; bit += 487) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    test::put(folder.path("a.gguf"), bytes);
    refusal([&] { load_model(folder.path("a.gguf")); });
  }
}

TEST_CASE("the parts of a GGUF model are all found, and each is in its place") {
  const std::string one = ChangedGguf("gemma3-00001-of-00002.gguf").bytes(),
                    two = ChangedGguf("gemma3-00002-of-00002.gguf").bytes();
  const test::TemporaryFolder folder;
  const auto load = [&](const char* name) { return refusal([&] { load_model(folder.path(name)); }); };
  test::put(folder.path("a-00001-of-00002.gguf"), one);
  CHECK(contains(load("a-00001-of-00002.gguf"), "it is part 1 of 2, and '"));
  test::put(folder.path("a-00002-of-00002.gguf"), two);
  CHECK(load("a-00001-of-00002.gguf").empty());
  CHECK(contains(load("a-00002-of-00002.gguf"), "it is part 2 of 2; give the first, '"));
  test::put(folder.path("b.gguf"), one);
  CHECK(contains(load("b.gguf"), "it is part 1 of 2, whose name has to end with '-00001-of-00002.gguf'"));
  test::put(folder.path("a-00002-of-00002.gguf"), one);
  CHECK(contains(load("a-00001-of-00002.gguf"), "the parts of two models are mixed"));
}

TEST_CASE("places lead to the rows that tensors have in memory") {
  const GgufModel model = GgufModel::open(test::golden_path("gguf/llama.gguf"));
  const LoadedModel loaded = load_model(test::golden_path("gguf/llama.gguf"));
  std::size_t paired = 0, quantized = 0;
  for (const TensorSpec& spec : loaded.parameters.tensors()) {
    CAPTURE(spec.name);
    const GgufPlace at = model.place(spec);
    CHECK(at.rows * at.columns == spec.size());
    paired += at.paired_rows == 8 ? 1 : 0;
    quantized += at.type == GgmlType::q8_0 || at.type == GgmlType::q4_0 ? 1 : 0;
  }
  CHECK(paired == 4);
  CHECK(quantized == 15);
  const GgufPlace pairs{.rows = 16, .paired_rows = 8};
  CHECK(pairs.memory_row(8) == 8);
  CHECK(pairs.memory_row(9) == 12);
  CHECK(pairs.memory_row(15) == 15);
}
