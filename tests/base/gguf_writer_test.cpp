#include "base/gguf_writer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/gguf.h"
#include "base/little_endian.h"
#include "support/refusal.h"
#include "support/string_output.h"
#include "support/test_data.h"

using namespace lm;

namespace {

/// Returns a tensor whose bytes count from `first`, given in two pieces.
GgufSource counting_source(std::string name, std::vector<std::int64_t> shape, GgmlType type, char first) {
  GgufSource source{.name = std::move(name), .shape = std::move(shape), .type = type, .produce = {}};
  const auto size = static_cast<std::size_t>(gguf_size(source));
  source.produce = [size, first](const GgufSource::Sink& sink) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(first + static_cast<char>(i));
    sink(bytes.data(), 1);
    sink(bytes.data() + 1, size - 1);
  };
  return source;
}

std::string gguf_bytes(const GgufFields& fields, const std::vector<GgufSource>& tensors) {
  test::StringOutput output;
  write_gguf(output, fields, tensors);
  return output.text;
}

}  // namespace

TEST_CASE("GGUF files are read as what was written") {
  GgufFields fields;
  fields.set("general.architecture", std::string("llama"));
  fields.set("a.count", std::uint32_t{7});
  fields.set("a.signed", std::int32_t{-7});
  fields.set("a.large", std::uint64_t{1} << 40);
  fields.set("a.eps", 1e-6F);
  fields.set("a.flag", true);
  fields.set("a.texts", std::vector<std::string>{"one", "", "zwei"});
  fields.set("a.floats", std::vector<float>{0.5F, -2});
  fields.set("a.signed_list", std::vector<std::int32_t>{-1, 3});
  fields.set("a.list", std::vector<std::uint32_t>{4, 5});
  fields.set("a.flags", std::vector<bool>{true, false});
  fields.set("a.count", std::uint32_t{8});  // the last one counts, in its old place
  const test::TemporaryFolder folder;
  test::put(folder.path("a.gguf"), gguf_bytes(fields, {counting_source("q", {64, 3}, GgmlType::q8_0, 1),
                                                       counting_source("v", {5}, GgmlType::f32, 50)}));
  const GgufFile file = GgufFile::open(folder.path("a.gguf"));
  CHECK(file.version() == 3);
  CHECK(file.alignment() == 32);
  CHECK(file.string_at("general.architecture") == "llama");
  CHECK(file.unsigned_at("a.count") == 8);
  CHECK(file.find("a.count")->type == GgufType::uint32);
  CHECK(std::get<std::int64_t>(file.find("a.signed")->value) == -7);
  CHECK(file.unsigned_at("a.large") == std::uint64_t{1} << 40);
  CHECK(std::get<double>(file.find("a.eps")->value) == 1e-6F);
  CHECK(file.boolean_at("a.flag") == true);
  std::string joined;
  file.for_each_string(*file.array_at("a.texts"), [&](std::string_view text) { joined += std::string(text) + ","; });
  CHECK(joined == "one,,zwei,");
  CHECK(file.floats(*file.array_at("a.floats")) == std::vector<float>{0.5F, -2});
  CHECK(file.integers(*file.array_at("a.signed_list")) == std::vector<std::int64_t>{-1, 3});
  CHECK(file.integers(*file.array_at("a.list")) == std::vector<std::int64_t>{4, 5});
  CHECK(file.array_at("a.flags")->type == GgufType::boolean);
  REQUIRE(file.tensors().size() == 2);
  const GgufTensor &q = file.tensors()[0], &v = file.tensors()[1];
  CHECK(q.name == "q");
  CHECK(q.type == GgmlType::q8_0);
  CHECK(q.size == 64 * 3 / 32 * 34);
  CHECK(q.shape[0] == 64);
  CHECK(q.shape[1] == 3);
  CHECK(q.offset % 32 == 0);
  CHECK(v.offset == q.offset + 224);  // 204 bytes, and up to the next multiple of 32
  std::string bytes(v.size, '\0');
  file.read(v.offset, bytes.data(), bytes.size());
  CHECK(bytes.front() == 50);
  CHECK(bytes.back() == 69);
}

TEST_CASE("a GGUF header has the bytes of the format") {
  GgufFields fields;
  fields.set("k", std::vector<std::string>{"x"});
  const std::string expected =
      "GGUF" + little_bytes(std::uint32_t{3}) + little_bytes(std::uint64_t{1}) + little_bytes(std::uint64_t{1}) +
      little_bytes(std::uint64_t{1}) + "k" + little_bytes(std::uint32_t{9}) + little_bytes(std::uint32_t{8}) +
      little_bytes(std::uint64_t{1}) + little_bytes(std::uint64_t{1}) + "x" +  // the entry
      little_bytes(std::uint64_t{1}) + "t" + little_bytes(std::uint32_t{1}) + little_bytes(std::uint64_t{2}) +
      little_bytes(std::uint32_t{0}) + little_bytes(std::uint64_t{0});
  std::string whole = expected;
  whole.resize((whole.size() + 31) / 32 * 32, '\0');
  whole += std::string("ABCDEFGH") + std::string(24, '\0');
  CHECK(gguf_bytes(fields, {counting_source("t", {2}, GgmlType::f32, 'A')}) == whole);
}

TEST_CASE("names that GGUF's readers refuse are not written") {
  const auto refusal_of = [](const std::vector<GgufSource>& tensors) {
    return test::refusal([&] { gguf_bytes({}, tensors); });
  };
  const GgufSource fits = counting_source(std::string(63, 'n'), {1}, GgmlType::f32, 0);
  const GgufSource longer = counting_source(std::string(64, 'n'), {1}, GgmlType::f32, 0);
  CHECK(refusal_of({fits}).empty());
  CHECK(test::contains(refusal_of({longer}), "has more than 63 bytes"));
  CHECK(test::contains(refusal_of({fits, fits}), "two tensors are called"));
}
