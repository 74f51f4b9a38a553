#include "model/files/safetensors.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "model/files/safetensors_check.h"
#include "support/memory_limit.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace lm {

namespace {

using test::contains;
using test::refusal;

// Removed first: overwriting makes some file systems flush to the disk, thousands of times here.
void put(const std::string& path, std::string_view bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

// A file of any header and data, as another program might write it.
std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(bytes.data(), &size, 8);
  return bytes + header + data;
}

/// Returns why a file of that header and data is refused; empty if it is not.
std::string refusal_of(const std::string& header, const std::string& data) {
  const test::TemporaryFolder folder;
  put(folder.path("a"), file_of(header, data));
  return refusal([&] { SafetensorsFile::open(folder.path("a")); });
}

std::string tensor_of(const std::string& name, int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(end - begin) + "],\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

struct Sample {
  std::vector<float> weights = {1.5f, -2.0f, 0.0f, 1e-30f, 3e38f, 0.1f};
  std::vector<std::int64_t> steps = {1, -5, std::int64_t{1} << 62};
  SafetensorsMetadata metadata = {{"lm.config", "{\"layers\": 2}"}, {"lm.objective", "causal \"x\"\n\xe2\x82\xac"}};

  std::vector<TensorSource> sources() const {
    std::vector<TensorSource> all;
    all.push_back(tensor_source("b.weight", {2, 3}, weights));
    all.push_back(
        {.name = "a.steps", .dtype = Dtype::i64, .shape = {3}, .bytes = std::as_bytes(std::span(steps)), .produce = {}});
    all.push_back(tensor_source("nothing", {0, 7}, std::span<const float>()));
    all.push_back(
        {.name = "pieces", .dtype = Dtype::u8, .shape = {5}, .bytes = {}, .produce = [](const TensorSource::Sink& sink) {
           sink("he", 2);
           sink("llo", 3);
         }});
    return all;
  }

  void write(const std::string& path) const {
    const auto output = open_output(path);
    write_safetensors(*output, metadata, sources());
    output->close();
  }

  void check(const SafetensorsFile& file) const {
    CHECK(file.entries().size() == 4);
    const TensorEntry* entry = file.find("b.weight");
    REQUIRE(entry != nullptr);
    CHECK(entry->shape == std::vector<std::int64_t>{2, 3});
    std::vector<float> floats(6);
    file.read_floats(*entry, floats);
    CHECK(floats == weights);
    const std::string bytes = test::read_file(file.name());
    entry = file.find("a.steps");
    REQUIRE(entry != nullptr);
    REQUIRE(entry->size == 24);
    CHECK(std::memcmp(bytes.data() + entry->offset, steps.data(), 24) == 0);
    entry = file.find("pieces");
    REQUIRE(entry != nullptr);
    CHECK(bytes.substr(entry->offset, entry->size) == "hello");
  }
};

}  // namespace

TEST_CASE("tensors and metadata come back the same, and the same input gives the same bytes") {
  const test::TemporaryFolder folder;
  const Sample sample;
  sample.write(folder.path("a"));
  sample.write(folder.path("b"));
  CHECK((test::read_file(folder.path("a")) == test::read_file(folder.path("b"))));
  const SafetensorsFile file = SafetensorsFile::open(folder.path("a"));
  sample.check(file);
  CHECK(file.find("c") == nullptr);
  CHECK(*file.metadata("lm.objective") == sample.metadata.at("lm.objective"));
  CHECK(*file.metadata("lm.config") == sample.metadata.at("lm.config"));
  CHECK(*file.metadata("format") == "pt");
  CHECK(file.metadata("lm.checksum")->size() == 32);
  CHECK(file.metadata("lm.tokenizer") == nullptr);
  for (const TensorEntry& entry : file.entries()) {
    if (entry.name == "b.weight") CHECK(entry.offset % 8 == 0);
  }
  std::vector<float> wrong(3);
  CHECK(contains(refusal([&] { file.read_floats(*file.find("a.steps"), wrong); }), "holds I64 where F32"));
}

TEST_CASE("a pipe gets the bytes that a file gets") {
  const test::TemporaryFolder folder;
  const Sample sample;
  sample.write(folder.path("a"));
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const auto output = output_to({ends[1], "pipe"});
  write_safetensors(*output, sample.metadata, sample.sources());
  output->close();
  std::string bytes = test::read_file(folder.path("a"));
  std::string piped(bytes.size(), '\0');
  CHECK(read_some({ends[0], "pipe"}, piped.data(), piped.size()) == bytes.size());
  CHECK((piped == bytes));
}

TEST_CASE("every truncation and every longer file is refused") {
  const test::TemporaryFolder folder;
  const Sample sample;
  sample.write(folder.path("a"));
  const std::string bytes = test::read_file(folder.path("a"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    put(folder.path("t"), bytes.substr(0, size));
    CAPTURE(size);
    CHECK_FALSE(refusal([&] { SafetensorsFile::open(folder.path("t")); }).empty());
  }
  put(folder.path("t"), bytes + "x");
  CHECK(contains(refusal([&] { SafetensorsFile::open(folder.path("t")); }), "too many bytes"));
}

TEST_CASE("of 10,000 bit flips all are refused except those in the checksum's own name, which leave the data as they are") {
  const test::TemporaryFolder folder;
  const Sample sample;
  sample.write(folder.path("a"));
  const std::string bytes = test::read_file(folder.path("a"));
  const std::size_t key = bytes.find("lm.checksum");
  Rng rng(6, RngPurpose::test);
  for (int i = 0; i < 10000; ++i) {
    std::string flipped = bytes;
    const std::uint64_t bit = rng.below(bytes.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    put(folder.path("f"), flipped);
    CAPTURE(bit);
    const std::string why = refusal([&] { sample.check(SafetensorsFile::open(folder.path("f"))); });
    if (why.empty()) CHECK((bit / 8 >= key && bit / 8 < key + 11));
  }
}

TEST_CASE("a changed tensor, metadata or checksum does not agree with the checksum") {
  const test::TemporaryFolder folder;
  Sample().write(folder.path("a"));
  const std::string bytes = test::read_file(folder.path("a"));
  const std::size_t digits = bytes.find("lm.checksum") + 14;
  for (const std::size_t place : {bytes.size() - 1, bytes.find("layers"), digits, digits + 31}) {
    std::string changed = bytes;
    changed[place] = changed[place] == 'a' ? 'b' : 'a';
    put(folder.path("c"), changed);
    CHECK(contains(refusal([&] { SafetensorsFile::open(folder.path("c")); }), "checksum does not agree"));
  }
  CHECK(contains(refusal_of("{\"__metadata__\":{\"lm.checksum\":\"12\"}}", ""), "is not a checksum"));
}

TEST_CASE("a file from elsewhere is read: no metadata, tensors in any order and unaligned, spaces at the end") {
  const test::TemporaryFolder folder;
  std::string data = "x";
  const std::vector<float> floats = {1.0f, -2.5f};
  data.append(reinterpret_cast<const char*>(floats.data()), 8);
  const std::vector<double> doubles = {0.1, 1e300};
  data.append(reinterpret_cast<const char*>(doubles.data()), 16);
  data.append("\x00\x3c\x00\xc0\x01\x00\x00\x7c\xff\x7b\x00\x04", 12);  // 1, -2, 2^-24, infinity, 65504, 2^-14
  data.append("\x80\x3f\x49\x40", 4);                                   // 1, 3.140625
  const std::string header =
      " \n{ \"half\" : {\"shape\":[2,3], \"data_offsets\":[25,37],\"dtype\":\"F16\"}, "
      "\"brain\":{\"dtype\":\"BF16\",\"shape\":[2],"
      "\"data_offsets\":[37,41]},\"double\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":[9,25]},"
      "\"scalar\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[0,1]},"
      "\"float\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}   ";
  put(folder.path("a"), file_of(header.substr(2), data));
  const SafetensorsFile file = SafetensorsFile::open(folder.path("a"));
  const auto read = [&](const char* name) {
    const TensorEntry* entry = file.find(name);
    REQUIRE(entry != nullptr);
    std::vector<float> out(static_cast<std::size_t>(entry->elements()));
    file.read_floats(*entry, out);
    return out;
  };
  CHECK(file.entries().front().name == "scalar");
  CHECK(read("float") == floats);
  CHECK(read("double") == std::vector<float>{0.1f, INFINITY});
  CHECK(read("half") == std::vector<float>{1, -2, 0x1p-24f, INFINITY, 65504, 0x1p-14f});
  CHECK(read("brain") == std::vector<float>{1, 3.140625f});
  CHECK(contains(refusal_of(header, data), "does not start with '{'"));
}

TEST_CASE("a file that becomes shorter while it is open is an error that names it") {
  const test::TemporaryFolder folder;
  const std::string data(4000, '\0');
  put(folder.path("a"), file_of("{\"x\":{\"dtype\":\"F32\",\"shape\":[1000],\"data_offsets\":[0,4000]}}", data));
  const SafetensorsFile file = SafetensorsFile::open(folder.path("a"));
  REQUIRE(truncate(folder.path("a").c_str(), 2000) == 0);
  std::vector<float> out(1000);
  const std::string why = refusal([&] { file.read_floats(file.entries().front(), out); });
  CHECK(contains(why, "became shorter while it was being read"));
  CHECK(contains(why, folder.path("a")));
}

TEST_CASE("every half-precision number is read as IEEE 754 says") {
  const test::TemporaryFolder folder;
  std::string data;
  for (int half = 0; half < 65536; ++half) data += {static_cast<char>(half & 255), static_cast<char>(half >> 8)};
  put(folder.path("a"), file_of("{\"x\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", data));
  const SafetensorsFile file = SafetensorsFile::open(folder.path("a"));
  std::vector<float> out(65536);
  file.read_floats(file.entries().front(), out);
  for (int half = 0; half < 65536; ++half) {
    const int exponent = half >> 10 & 31;
    const double mantissa = half & 1023;
    double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31) expected = mantissa == 0 ? INFINITY : NAN;
    if (half >= 32768) expected = -expected;
    const float value = out[static_cast<std::size_t>(half)];
    CHECK((std::isnan(expected) ? std::isnan(value) : static_cast<double>(value) == expected));
    CHECK((std::isnan(value) || std::signbit(value) == (half >= 32768)));
  }
}

TEST_CASE("holes, overlaps, duplicates and data beyond the file are refused, each with its sentence") {
  CHECK(refusal_of("{" + tensor_of("a", 0, 2) + "," + tensor_of("b", 2, 4) + "}", "wxyz").empty());
  CHECK(
      contains(refusal_of("{" + tensor_of("a", 0, 2) + "," + tensor_of("b", 3, 4) + "}", "wxyz"), "hole before tensor 'b'"));
  CHECK(contains(refusal_of("{" + tensor_of("a", 1, 4) + "}", "wxyz"), "hole before tensor 'a'"));
  CHECK(contains(refusal_of("{" + tensor_of("a", 0, 3) + "," + tensor_of("b", 2, 4) + "}", "wxyz"), "'b' overlaps"));
  CHECK(contains(refusal_of("{" + tensor_of("a", 0, 4) + "," + tensor_of("b", 0, 4) + "}", "wxyz"), "overlaps"));
  CHECK(contains(refusal_of("{" + tensor_of("a", 0, 2) + "," + tensor_of("a", 2, 4) + "}", "wxyz"), "'a' appears twice"));
  CHECK(contains(refusal_of("{" + tensor_of("a", 0, 5) + "}", "wxyz"), "does not fit into the file"));
  CHECK(contains(refusal_of("{" + tensor_of("a", 0, 3) + "}", "wxyz"), "too many bytes"));
  CHECK(contains(refusal_of("{}", "wxyz"), "too many bytes"));
  CHECK(contains(refusal_of("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", ""), "metadata 'a' appears twice"));
  CHECK(contains(refusal_of("{\"__metadata__\":{},\"__metadata__\":{}}", ""), "appears twice"));
  CHECK(refusal_of("{}", "").empty());
}

TEST_CASE("malformed headers are refused") {
  const std::string good = R"("dtype":"U8","shape":[2],"data_offsets":[0,2])";
  CHECK(refusal_of("{\"a\":{" + good + "}}", "xy").empty());
  for (const char* bad : {
           R"("dtype":"U8","shape":[2])",
           R"("dtype":"U8","data_offsets":[0,2])",
           R"("shape":[2],"data_offsets":[0,2])",
           R"("dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[2],"data_offsets":[0,2],"data_offsets":[0,2])",
           R"("dtype":"U9","shape":[2],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[3],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[-2],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[2.0],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[[2]],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":"2","data_offsets":[0,2])",
           R"("dtype":"U8","shape":[2],"data_offsets":[0])",
           R"("dtype":"U8","shape":[2],"data_offsets":[0,2,2])",
           R"("dtype":"U8","shape":[2],"data_offsets":[2,0])",
           R"("dtype":"U8","shape":[2],"data_offsets":[0,2],"more":1)",
           R"("dtype":"U8","shape":[2],"data_offsets":[0,2],"more":"x")",
           R"("dtype":"U8","shape":[2],"data_offsets":[0,2],"more":{})",
           R"("dtype":null,"shape":[2],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[4611686018427387904,4,2],"data_offsets":[0,2])",
           R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])",
           R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,2])",
           R"("dtype":"U8","shape":[2],"data_offsets":[18446744073709551614,18446744073709551616])",
       }) {
    CAPTURE(bad);
    CHECK_FALSE(refusal_of("{\"a\":{" + std::string(bad) + "}}", "xy").empty());
  }
  for (const char* bad : {"", "[]", "1", "{", "{\"a\":1}", "{\"a\":[]}", "{\"__metadata__\":{\"a\":1}}",
                          "{\"__metadata__\":[]}", "{\"__metadata__\":{\"a\":{}}}", "{} {}", "{}x"}) {
    CAPTURE(bad);
    CHECK_FALSE(refusal_of(bad, "").empty());
  }
  CHECK_FALSE(refusal_of(std::string("{}\0", 3), "").empty());
}

TEST_CASE("a header length beyond the limit or the file is refused without taking the memory") {
  const test::TemporaryFolder folder;
  for (const std::uint64_t size :
       {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{100'000'001}, std::uint64_t{3}}) {
    std::string bytes(10, '{');
    std::memcpy(bytes.data(), &size, 8);
    put(folder.path("a"), bytes);
    CHECK_FALSE(refusal([&] { SafetensorsFile::open(folder.path("a")); }).empty());
  }
}

TEST_CASE("refusing a file takes no more memory than twice its size and 16 MiB") {
  const test::TemporaryFolder folder;
  constexpr std::size_t kSize = std::size_t{24} << 20;
  const auto repeated = [](const std::string& before, const std::function<std::string(int)>& part) {
    std::string text = before;
    for (int i = 0; text.size() < kSize; ++i) text += (i == 0 ? "" : ",") + part(i);
    return text;
  };
  const std::vector<std::string> headers = {
      repeated("{", [](int i) { return tensor_of(std::to_string(i), 0, 0); }) + "}",
      repeated("{\"__metadata__\":{", [](int i) { return "\"" + std::to_string(i) + "\":\"\""; }) + "}}",
      repeated("{\"__metadata__\":{\"a\":\"", [](int) { return "\\n"; }) + "\"},\"a\":1}",
      repeated("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[", [](int) { return "0"; }) + "]}}",
      repeated("{\"a\":{\"dtype\":\"", [](int) { return "F"; }) + "\"}}",
      "{\"" + std::string(kSize, 'n') + "\":{}}",
  };
  for (const std::string& header : headers) {
    put(folder.path("a"), file_of(header, ""));
    CAPTURE(header.substr(0, 60));
    CHECK(test::with_memory_limit(2 * kSize + (std::size_t{16} << 20), [&] { SafetensorsFile::open(folder.path("a")); }) ==
          test::Outcome::refused);
  }
}

TEST_CASE("a file that differs from what was to be written, even in a bit, is recognized") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("a");
  std::vector<float> weights(300000, 0.5f);
  SafetensorsMetadata metadata = {{"lm.config", "{}"}};
  std::vector<TensorSource> tensors = {tensor_source("w", {300000}, weights),
                                       tensor_source("v", {3}, std::span(weights).first(3))};
  const auto output = open_output(path);
  output->read_back([&](const FileDescriptor& written) { check_written_safetensors(written, metadata, tensors); });
  write_safetensors(*output, metadata, tensors);
  output->close();
  const std::string bytes = test::read_file(path);
  const auto why = [&](const std::string& content) {
    put(path, content);
    return refusal([&] { check_written_safetensors(open_input(path), metadata, tensors); });
  };
  CHECK(why(bytes).empty());
  CHECK(contains(why(bytes.substr(0, bytes.size() - 1)), "data of another size"));
  CHECK(contains(why(bytes.substr(0, 20)), "cut short"));
  std::string flipped = bytes;
  flipped[flipped.size() - 2000] ^= 1;
  CHECK(contains(why(flipped), "another checksum"));
  metadata["lm.config"] = "{ }";
  CHECK(contains(why(bytes), "another 'lm.config'"));
  metadata.clear();
  tensors[1].name = "u";
  CHECK(contains(why(bytes), "in the place of 'u'"));
}

}  // namespace lm
