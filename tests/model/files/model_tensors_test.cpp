#include "model/files/model_tensors.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "model/files/checkpoint.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace {

using namespace lm;

void put_file(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

std::string load_refusal(const std::string& folder) {
  return test::refusal([&] { load_model(folder); });
}

/// Replaces the first place of a text in a file.
void replace_in(const std::string& path, std::string_view from, std::string_view by) {
  std::string text = test::read_file(path);
  const std::size_t place = text.find(from);
  REQUIRE(place != std::string::npos);
  put_file(path, text.replace(place, from.size(), by));
}

}  // namespace

TEST_CASE("the shards of a folder are read by its index, and nothing outside the folder") {
  test::TemporaryFolder temporary;
  const std::string folder = temporary.path("granite"), index = folder + "/model.safetensors.index.json";
  std::filesystem::copy(test::golden_path("families/granite"), folder);
  REQUIRE(std::filesystem::exists(index));
  const std::string whole = test::read_file(index);
  CHECK(load_model(folder).parameters.tensors().size() > 10);

  const std::string first = "model-00001-of-";
  const std::size_t at = whole.find(first);
  const std::string name = whole.substr(at, whole.find('"', at) - at);
  put_file(temporary.path("outside.safetensors"), test::read_file(folder + "/" + name));
  for (const char* path : {"../outside.safetensors", "/etc/passwd", "..", ""}) {
    put_file(index, whole);
    replace_in(index, "\"" + name + "\"", "\"" + std::string(path) + "\"");
    CHECK(test::contains(load_refusal(folder), "only files of its own folder are read"));
  }
  put_file(index, whole);
  replace_in(index, "model.norm.weight", "model.norm.wait");
  CHECK(test::contains(load_refusal(folder), "'model.norm.wait', which is not there"));
  put_file(index, R"({"metadata": {}})");
  CHECK(test::contains(load_refusal(folder), "no 'weight_map'"));
  put_file(index, R"({"weight_map": {"a": 1}})");
  CHECK(test::contains(load_refusal(folder), "no file for 'a'"));
  put_file(index, whole);
  std::filesystem::copy(folder + "/" + name, folder + "/again.safetensors");
  const ModelTensors tensors = ModelTensors::open(folder + "/again.safetensors");
  replace_in(index, "\"weight_map\": {",
             "\"weight_map\": {\"" + tensors.files().front().entries().front().name + "\": \"again.safetensors\", ");
  CHECK(test::contains(load_refusal(folder), "twice"));  // as a key of the index
  put_file(index, whole);
  std::filesystem::remove(folder + "/" + name);
  CHECK_THROWS_AS(load_model(folder), Error);
}

TEST_CASE("a model without a head, with another tensor, or of another type is refused with what is wrong") {
  test::TemporaryFolder temporary;
  const std::string folder = temporary.path("llama");
  std::filesystem::copy(test::golden_path("families/llama_base"), folder);
  CHECK(load_model(folder).parameters.tensors().size() > 10);
  replace_in(folder + "/config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
  CHECK(!load_refusal(folder).empty());

  const std::string other = temporary.path("other");
  std::filesystem::copy(test::golden_path("families/mistral"), other);
  replace_in(other + "/config.json", "\"model_type\": \"mistral\"", "\"model_type\": \"bloom\"");
  CHECK(test::contains(load_refusal(other), "cannot use model type 'bloom'"));
  CHECK(test::contains(load_refusal(other), "known are gpt2, llama, mistral"));
  replace_in(other + "/config.json", "\"model_type\": \"bloom\"", "\"model_type\": \"qwen3\"");
  CHECK(!load_refusal(other).empty());
}

TEST_CASE("what the tensors of a family are called is reversible: saved and loaded, every weight is the same") {
  test::TemporaryFolder temporary;
  for (const auto& entry : std::filesystem::directory_iterator(test::golden_path("families"))) {
    CAPTURE(entry.path().string());
    LoadedModel model = load_model(entry.path());
    const std::string path = temporary.path("model.safetensors");
    save_model(path, model.record, model.parameters);
    const LoadedModel again = load_model(path);
    CHECK(again.record.config == model.record.config);
    CHECK(again.record.objective == model.record.objective);
    const TensorView<float> before = model.parameters.flat(), after = again.parameters.flat();
    REQUIRE(before.size() == after.size());
    CHECK(std::equal(before.data(), before.data() + before.size(), after.data()));
  }
}

TEST_CASE("a head that differs from the embedding that it is said to be tied to is used, as transformers use it") {
  test::TemporaryFolder temporary;
  const std::string folder = temporary.path("llama"), golden = test::golden_path("families/llama_tied_head");
  std::filesystem::copy(golden, folder);
  const LoadedModel tied = load_model(folder);
  CHECK(tied.record.config.tied_embeddings);
  CHECK(tied.record.notes.empty());
  const SafetensorsFile file = SafetensorsFile::open(folder + "/model.safetensors");
  const TensorEntry* head = file.find("lm_head.weight");
  REQUIRE(head != nullptr);
  std::string bytes = test::read_file(folder + "/model.safetensors");
  bytes[head->offset] = static_cast<char>(bytes[head->offset] ^ 1);
  put_file(folder + "/model.safetensors", bytes);
  const LoadedModel untied = load_model(folder);
  CHECK(!untied.record.config.tied_embeddings);
  REQUIRE(untied.record.notes.size() == 1);
  CHECK(test::contains(untied.record.notes.front(), "hold another head"));
}
