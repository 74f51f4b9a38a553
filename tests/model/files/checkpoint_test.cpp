#include "model/files/checkpoint.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "base/rng.h"
#include "model/files/config_hugging_face.h"
#include "support/memory_limit.h"
#include "support/refusal.h"
#include "support/test_data.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;

ModelConfig smallest_config(Family family) {
  ModelConfig config = family_defaults(family);
  config.n_layers = 1;
  config.channels = 4;
  config.n_heads = config.n_kv_heads = 2;
  config.head_dim = 2;
  config.ffn_dim = 4;
  config.context_length = 4;
  config.vocab_size = 5;
  return config;
}

/// A new file each time: some file systems wait for the disk when an old one is truncated and rewritten.
void write_file(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

bool same_weights(const Parameters<float>& a, const Parameters<float>& b) {
  return a.flat().size() == b.flat().size() &&
         std::memcmp(a.flat().data(), b.flat().data(), static_cast<std::size_t>(a.flat().size()) * sizeof(float)) == 0;
}

ModelRecord record_of(const ModelConfig& config) {
  return {.config = config,
          .objective = "causal",
          .tokenizer_json = "{\"a\":1}",
          .progress = "{\"steps\":3}",
          .facts = {.tokenizer_json = "{\"a\":1}", .tokenizer_config = "{}\n"}};
}

}  // namespace

TEST_CASE("a saved model loads as it was") {
  test::TemporaryFolder folder;
  for (const test::NamedConfig& named : test::all_configs()) {
    CAPTURE(named.name);
    Parameters<float> weights(named.config);
    test::randomise(weights, 1, 0.3);
    save_model(folder.path("m.safetensors"), record_of(named.config), weights);
    const LoadedModel loaded = load_model(folder.path("m.safetensors"));
    CHECK(loaded.record.config == named.config);
    CHECK(loaded.record.objective == "causal");
    CHECK(loaded.record.tokenizer_json == "{\"a\":1}");
    CHECK(loaded.record.progress == "{\"steps\":3}");
    CHECK(same_weights(loaded.parameters, weights));
  }
}

TEST_CASE("every truncation and 10,000 bit flips of a small model are refused or leave it right") {
  test::TemporaryFolder folder;
  const ModelConfig config = smallest_config(Family::qwen3);
  Parameters<float> weights(config);
  test::randomise(weights, 1, 0.3);
  const std::string path = folder.path("m.safetensors");
  save_model(path, record_of(config), weights);
  const std::string bytes = test::read_file(path);
  const auto harmless = [&](const std::string& damaged) {
    write_file(path, damaged);
    try {
      return same_weights(load_model(path).parameters, weights);
    } catch (const Error& error) {
      return std::string(error.what()).find('\n') == std::string::npos;
    }
  };
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(harmless(bytes.substr(0, size)));
  }
  Rng rng(1, RngPurpose::test);
  for (int i = 0; i < 10000; ++i) {
    std::string damaged = bytes;
    const std::uint64_t bit = rng.below(bytes.size() * 8);
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    CHECK(harmless(damaged));
  }
}

TEST_CASE("a model with a number that is not finite is refused") {
  test::TemporaryFolder folder;
  const ModelConfig config = smallest_config(Family::gpt2);
  Parameters<float> weights(config);
  weights.layers[0].up(1, 1) = std::numeric_limits<float>::quiet_NaN();
  save_model(folder.path("m"), record_of(config), weights);
  CHECK_THROWS_AS(load_model(folder.path("m")), Error);
}

TEST_CASE("tensors that are missing, of another shape or too many are refused by name") {
  test::TemporaryFolder folder;
  const ModelConfig config = smallest_config(Family::llama);
  const Parameters<float> weights(config);
  const auto write = [&](const auto& change) {
    std::vector<TensorSource> sources;
    add_sources(sources, weights);
    change(sources);
    const std::unique_ptr<OutputStream> output = open_output(folder.path("m"));
    write_safetensors(*output, model_metadata(record_of(config)), sources);
    output->close();
  };
  const auto message = [&] {
    try {
      load_model(folder.path("m"));
      return std::string("accepted");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  write([](auto&) {});
  CHECK(message() == "accepted");
  write([](auto& sources) { sources.back().name = "other.weight"; });
  CHECK(message().find("other.weight") != std::string::npos);
  write([](auto& sources) { sources.front().shape = {4, 5}; });
  CHECK(message().find("model.embed_tokens.weight") != std::string::npos);
  const std::vector<float> extra(3);
  write([&](auto& sources) { sources.push_back(tensor_source("extra.weight", {3}, extra)); });
  CHECK(message().find("extra.weight") != std::string::npos);
}

TEST_CASE("a folder replaces a model's folder whole, and never one that holds other things") {
  test::TemporaryFolder folder;
  const ModelConfig config = smallest_config(Family::qwen3);
  Parameters<float> weights(config);
  test::randomise(weights, 1, 0.3);
  const std::string path = folder.path("model");
  save_model(path + "/", record_of(config), weights);
  weights.final_norm.gain[0] = 9.0f;
  save_model(path, record_of(config), weights);
  CHECK(same_weights(load_model(path).parameters, weights));
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
    CHECK(!test::read_file(path + "/" + name).empty());
  for (const char* name : {"notes.txt", "chat_template.jinja", "generation_config.json.orig"}) {
    CAPTURE(name);
    write_file(path + "/" + name, "mine");
    const std::string why = test::refusal([&] { save_model(path, record_of(config), weights); });
    CHECK(test::contains(why, "holds '" + std::string(name) + "'"));
    CHECK(test::contains(why, "move that away"));
    CHECK_THROWS_AS(check_model_destination(path), Error);
    CHECK(test::read_file(path + "/" + name) == "mine");
    std::filesystem::remove(path + "/" + name);
  }
  std::filesystem::remove(path + "/generation_config.json");
  std::filesystem::create_directory(path + "/generation_config.json");
  CHECK_THROWS_AS(save_model(path, record_of(config), weights), Error);
  std::filesystem::remove(path + "/generation_config.json");
  CHECK_NOTHROW(save_model(path, record_of(config), weights));
}

TEST_CASE("a folder whose model is not ours is never replaced, even if its files have the names of ours") {
  test::TemporaryFolder folder;
  const ModelConfig config = smallest_config(Family::llama);
  const Parameters<float> weights(config);
  const std::string path = folder.path("theirs");
  std::filesystem::create_directory(path);
  const auto refuses = [&](const std::string& names) {
    const std::string why = test::refusal([&] { save_model(path + "/", record_of(config), weights); });
    CHECK(test::contains(why, "which is not part of a model that was written here"));
    CHECK_THROWS_AS(check_model_destination(path + "/"), Error);
    std::string left;
    for (const auto& entry : std::filesystem::directory_iterator(path)) left += entry.path().filename().string() + " ";
    CHECK(left.size() == names.size());
  };
  CHECK_NOTHROW(check_model_destination(path + "/"));  // empty
  write_file(path + "/tokenizer.json", "{}");
  refuses("tokenizer.json ");
  write_file(path + "/config.json", "{}");
  std::vector<TensorSource> sources;
  add_sources(sources, weights);
  const std::unique_ptr<OutputStream> output = open_output(path + "/model.safetensors");
  write_safetensors(*output, {}, sources);
  output->close();
  refuses("tokenizer.json config.json model.safetensors ");
  // A model of ours that lost its end may have held anything.
  save_model(folder.path("ours/"), record_of(config), weights);
  const std::string ours = test::read_file(folder.path("ours/model.safetensors"));
  write_file(path + "/model.safetensors", ours.substr(0, 100));
  refuses("tokenizer.json config.json model.safetensors ");
  write_file(path + "/model.safetensors", ours);
  CHECK_NOTHROW(save_model(path + "/", record_of(config), weights));
}

TEST_CASE("impossible shapes are refused before memory is taken") {
  const ModelConfig good = smallest_config(Family::qwen3);
  CHECK_NOTHROW(check_config(good, "test"));
  const auto refused = [&](auto change) {
    ModelConfig config = good;
    change(config);
    CHECK_THROWS_AS(check_config(config, "test"), Error);
  };
  refused([](ModelConfig& c) { c.n_layers = 0; });
  refused([](ModelConfig& c) { c.vocab_size = std::int64_t{1} << 40; });
  refused([](ModelConfig& c) { c.channels = c.vocab_size = std::int64_t{1} << 29; });
  refused([](ModelConfig& c) { c.n_kv_heads = 3; });
  refused([](ModelConfig& c) { c.head_dim = 3; });
  refused([](ModelConfig& c) { c.qk_norm = QkNorm::none; });
  refused([](ModelConfig& c) { c.dropout = 1.0; });
  refused([](ModelConfig& c) { c.norm_eps = 0.0; });
  // A file whose configuration describes more than it holds.
  test::TemporaryFolder folder;
  ModelRecord record = record_of(good);
  record.config.vocab_size = 1 << 28;
  std::vector<TensorSource> sources;
  const Parameters<float> weights(good);
  add_sources(sources, weights);
  const std::unique_ptr<OutputStream> output = open_output(folder.path("m"));
  write_safetensors(*output, model_metadata(record), sources);
  output->close();
  CHECK_THROWS_AS(load_model(folder.path("m")), Error);
}

TEST_CASE("a model of whole numbers is refused before memory is taken for it") {
  test::TemporaryFolder folder;
  ModelConfig config = smallest_config(Family::llama);
  config.vocab_size = 3'000'000;
  config.tied_embeddings = true;
  const Parameters<float> weights(config);
  std::vector<TensorSource> sources;
  add_sources(sources, weights);
  for (TensorSource& source : sources) {
    source.dtype = Dtype::u8;
    source.bytes = source.bytes.first(source.bytes.size() / sizeof(float));
  }
  const std::unique_ptr<OutputStream> output = open_output(folder.path("m"));
  write_safetensors(*output, model_metadata(record_of(config)), sources);
  output->close();
  const auto size = std::filesystem::file_size(folder.path("m"));
  REQUIRE(size > 12'000'000);
  CHECK(test::with_memory_limit(2 * size + (16 << 20), [&] { load_model(folder.path("m")); }) == test::Outcome::refused);
}

TEST_CASE("the configuration of every family survives its JSON") {
  for (const test::NamedConfig& named : test::all_configs()) {
    CAPTURE(named.name);
    CHECK(config_from_json(config_to_json(named.config), "test") == named.config);
  }
}

TEST_CASE("the configuration survives its JSON, and Hugging Face's") {
  for (const test::NamedConfig& named : test::tiny_configs()) {
    CAPTURE(named.name);
    ModelConfig config = named.config;
    config.dropout = 0.125;
    CHECK(config_from_json(config_to_json(config), "test") == config);
    const ModelConfig again = config_from_hugging_face(config_to_hugging_face(config, {}), "test");
    if (config.family == Family::gpt2) config.rotary.theta = again.rotary.theta;  // it has no rotation
    config.dropout = again.dropout;  // Hugging Face's Llama and Qwen3 have no such key
    CHECK(again == config);
  }
  JsonValue scaled = config_to_hugging_face(test::tiny_configs().back().config, {});
  scaled.set("rope_scaling", JsonValue().set("rope_type", "proportional"));
  CHECK_THROWS_AS(config_from_hugging_face(scaled, "test"), Error);
}
