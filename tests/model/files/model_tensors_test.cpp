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

/// A tensor in memory.
struct Kept {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// Writes a folder's weights again, with a change.
template <class Change>
void change_tensors(const std::string& folder, Change change) {
  const std::string path = folder + "/model.safetensors";
  std::vector<Kept> tensors;
  {
    const SafetensorsFile file = SafetensorsFile::open(path);
    for (const TensorEntry& entry : file.entries()) {
      std::vector<float> values(static_cast<std::size_t>(entry.elements()));
      file.read_floats(entry, values);
      tensors.push_back({entry.name, entry.shape, std::move(values)});
    }
  }
  change(tensors);
  std::vector<TensorSource> sources;
  for (const Kept& tensor : tensors) sources.push_back(tensor_source(tensor.name, tensor.shape, tensor.values));
  const std::unique_ptr<OutputStream> output = open_output(path);
  write_safetensors(*output, {}, sources);
  output->close();
}

std::string copy_of(const test::TemporaryFolder& temporary, const std::string& name) {
  std::string folder = temporary.path(name);
  std::filesystem::copy(test::golden_path("families/" + name), folder);
  return folder;
}

}  // namespace

TEST_CASE("a model without all its tensors says which is the first, and what a head is for") {
  test::TemporaryFolder temporary;
  const std::string folder = copy_of(temporary, "llama_base");
  replace_in(folder + "/config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
  CHECK(test::contains(load_refusal(folder), "no tensor 'lm_head.weight'"));
  CHECK(test::contains(load_refusal(folder), "a model without a head cannot predict tokens"));
  const std::string deeper = copy_of(temporary, "llama_mha_bias");
  replace_in(deeper + "/config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 10000");
  CHECK(test::contains(load_refusal(deeper), "no tensor 'model.layers.2.input_layernorm.weight'"));
  const std::string wider = copy_of(temporary, "llama_linear");
  replace_in(wider + "/config.json", "\"intermediate_size\": 20", "\"intermediate_size\": 21");
  CHECK(test::contains(load_refusal(wider), "has shape (20, 24), expected (21, 24)"));
}

TEST_CASE("a tensor of another task, or of a type that is not read, says what to do") {
  test::TemporaryFolder temporary;
  const std::string folder = copy_of(temporary, "llama_tied_head");
  change_tensors(folder, [](std::vector<Kept>& tensors) { tensors.push_back({"score.weight", {2}, {1, 2}}); });
  CHECK(test::contains(load_refusal(folder), "unexpected tensor 'score.weight'"));
  CHECK(test::contains(load_refusal(folder), "its head classifies"));
  change_tensors(folder, [](std::vector<Kept>& tensors) { tensors.back().name = "other.weight"; });
  CHECK(!test::contains(load_refusal(folder), "its head classifies"));
  const std::string header = R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  put_file(folder + "/model.safetensors", bytes + header + "x");
  CHECK(test::contains(load_refusal(folder), "has the type 'F8_E4M3', which is not supported; convert it to BF16"));
}

TEST_CASE("a head of another shape than the embedding that it is tied to is refused, as by transformers") {
  test::TemporaryFolder temporary;
  const std::string folder = copy_of(temporary, "llama_tied_head");
  change_tensors(folder, [](std::vector<Kept>& tensors) {
    for (Kept& tensor : tensors) {
      if (tensor.name != "lm_head.weight") continue;
      tensor.shape[0] -= 1;
      tensor.values.resize(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]));
    }
  });
  CHECK(test::contains(load_refusal(folder), "tensor 'lm_head.weight'"));
  CHECK(test::contains(load_refusal(folder), "has shape (27, 24), expected (28, 24)"));
}

TEST_CASE("a head of gpt_neox is read by either name") {
  test::TemporaryFolder temporary;
  const auto renamed = [](std::vector<Kept>& tensors) {
    for (Kept& tensor : tensors) {
      if (tensor.name == "embed_out.weight") tensor.name = "lm_head.weight";
    }
  };
  const std::string folder = copy_of(temporary, "gpt_neox");
  const LoadedModel before = load_model(folder);
  change_tensors(folder, renamed);
  const LoadedModel after = load_model(folder);
  const TensorView<float> a = before.parameters.flat(), b = after.parameters.flat();
  REQUIRE(a.size() == b.size());
  CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
  change_tensors(folder, [](std::vector<Kept>& tensors) {
    tensors.push_back(tensors.front());
    for (Kept& tensor : tensors) {
      if (tensor.name == "lm_head.weight") tensors.back() = tensor;
    }
    tensors.back().name = "embed_out.weight";
  });
  CHECK(test::contains(load_refusal(folder), "unexpected tensor 'lm_head.weight'"));
}

TEST_CASE("weights and files that a written model lacks are named, and those that hold nothing of their own are not") {
  test::TemporaryFolder temporary;
  const std::string folder = copy_of(temporary, "bert_original");
  std::filesystem::remove(folder + "/expected.json");
  const std::vector<std::string> left_out = load_model(folder).record.left_out;
  REQUIRE(left_out.size() == 1);
  CHECK(test::contains(left_out[0], "'bert.pooler.dense.bias', 'bert.pooler.dense.weight', 'cls.seq_relationship.bias'"));
  CHECK(!test::contains(left_out[0], "position_ids"));
  put_file(folder + "/merges.txt", "");
  put_file(folder + "/.gitattributes", "");
  CHECK(load_model(folder).record.left_out.size() == 1);
  put_file(folder + "/README.md", "");
  for (int i = 0; i < 10; ++i) put_file(folder + "/part-" + std::to_string(i) + ".bin", "");
  const std::vector<std::string> more = load_model(folder).record.left_out;
  REQUIRE(more.size() == 2);
  CHECK(test::contains(more[1], "stay behind: 'README.md', 'part-0.bin'"));
  CHECK(test::contains(more[1], "and 1 more"));
  // Constants and copies are no loss; nor are shards and their index.
  std::filesystem::remove(copy_of(temporary, "gpt_neox_sequential") + "/expected.json");
  CHECK(load_model(temporary.path("gpt_neox_sequential")).record.left_out.empty());
  std::filesystem::remove(copy_of(temporary, "granite") + "/expected.json");
  CHECK(load_model(temporary.path("granite")).record.left_out.empty());
}

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
  for (const std::string& path : {std::string("../outside.safetensors"), std::string("/etc/passwd"), std::string(".."),
                                  std::string(), name + "\\u0000x"}) {
    put_file(index, whole);
    replace_in(index, "\"" + name + "\"", "\"" + path + "\"");
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
