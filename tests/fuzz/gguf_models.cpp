// Reads damaged GGUF models: fuzz_gguf_models [COUNT [FIRST]] does the cases FIRST, FIRST + 1, ... Only Error may come out
// of it, and what is read has the shape that it says, and finite weights.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/little_endian.h"
#include "model/files/checkpoint.h"
#include "model/files/gguf_model.h"
#include "text/tokenizer.h"

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t end) { return end == 0 ? 0 : static_cast<std::size_t>(random() % end); }

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Overwrites a number somewhere by one that is easily wrong.
void set_number(Random& random, std::string& bytes, std::size_t end) {
  constexpr std::array<std::uint64_t, 12> kNumbers = {
      0, 1, 2, 3, 31, 255, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1ULL << 40, 1ULL << 63, UINT64_MAX};
  const std::uint64_t number = kNumbers[below(random, kNumbers.size())] + below(random, 2);
  const std::size_t size = std::size_t{1} << below(random, 4), at = below(random, end - 8);
  bytes.replace(at, size, lm::little_bytes(number).substr(0, size));
}

/// Damages the part before `end` in one of several ways.
void damage(Random& random, std::string& bytes, std::size_t end) {
  switch (random() % 6) {
    case 0:
      bytes[below(random, end)] = static_cast<char>(random());
      break;
    case 1:
    case 2:
      set_number(random, bytes, end);
      break;
    case 3: {  // one name for another, or a part of one
      const std::size_t from = below(random, end - 40), to = below(random, end - 40), size = 1 + below(random, 40);
      bytes.replace(to, size, std::string(bytes, from, size));
      break;
    }
    case 4: {
      const std::size_t at = below(random, end), size = 1 + below(random, 64);
      if (random() % 2 == 0) {
        bytes.erase(at, size);
      } else {
        bytes.insert(at, bytes.substr(at, size));
      }
      break;
    }
    default:
      if (random() % 4 == 0) bytes.resize(below(random, bytes.size()));
      bytes[below(random, bytes.size())] = static_cast<char>(random());
  }
}

bool is_whole(const lm::LoadedModel& model) {
  for (const lm::TensorSpec& spec : model.parameters.tensors()) {
    const float* values = model.parameters.view(spec).data();
    if (!std::all_of(values, values + spec.size(), [](float value) { return std::isfinite(value); })) return false;
  }
  return model.record.config.n_layers >= 1 && model.record.config.vocab_size >= 1;
}

/// Reads a model as programs that compute with quantized weights do, and its vocabulary. Returns whether something is not whole.
bool is_read_wrongly(lm::Compute& compute, const std::string& name) {
  if (!is_whole(lm::load_model(name))) return true;
  lm::LoadedModel model = lm::load_model(name, lm::Matrices::in_file);
  const lm::DecodingWeights weights(compute, std::move(model.parameters), *model.matrices, lm::WeightType::f32);
  const lm::TokenId id = 0;
  std::vector<float> embedding(static_cast<std::size_t>(weights.config().channels));
  weights.embed(compute, {embedding.data(), 1, weights.config().channels}, {&id, 1}, 0);
  // The configuration's scale makes infinities of the largest numbers.
  if (std::any_of(embedding.begin(), embedding.end(), [](float value) { return std::isnan(value); })) return true;
  if (!model.record.tokenizer_in_file) return false;
  const lm::Tokenizer tokenizer = lm::Tokenizer::load(name);
  return tokenizer.vocab_size() < 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
  const std::uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const char* source = std::getenv("LM_SOURCE");
  const std::filesystem::path golden = std::filesystem::path(source == nullptr ? "." : source) / "tests/golden/gguf";
  const std::string parts[] = {read_bytes(golden / "llama.gguf"), read_bytes(golden / "gemma3-00001-of-00002.gguf"),
                               read_bytes(golden / "gemma3-00002-of-00002.gguf")};
  for (const std::string& part : parts) {
    if (part.size() > 1000) continue;
    std::fprintf(stderr, "no seeds in '%s'; set LM_SOURCE\n", golden.c_str());
    return 1;
  }
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("fuzz-gguf-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string name = folder / "a-00001-of-00002.gguf", other = folder / "a-00002-of-00002.gguf";
  lm::Compute compute(1, lm::best_simd_tier());
  std::uint64_t read = 0, failures = 0;
  for (std::uint64_t number = first; number < first + count; ++number) {
    Random random(number);
    const bool split = random() % 4 == 0;
    std::string bytes = parts[split ? 1 : 0], second = parts[2];
    std::string& damaged = split && random() % 2 == 0 ? second : bytes;
    // Mostly before the data, which are numbers of any value.
    const std::size_t header = damaged.size() * 9 / 20;
    for (std::size_t n = 1 + below(random, 3); n > 0 && damaged.size() > 200; --n)
      damage(random, damaged, std::min(header, damaged.size()));
    write_bytes(name, bytes);
    write_bytes(other, second);
    try {
      if (is_read_wrongly(compute, name)) {
        std::fprintf(stderr, "case %llu FAILED: what was read is no model\n", static_cast<unsigned long long>(number));
        ++failures;
      }
      ++read;
    } catch (const lm::Error&) {
      continue;
    }
  }
  std::filesystem::remove_all(folder);
  std::printf("%llu cases, %llu of them read, %llu failures\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(read), static_cast<unsigned long long>(failures));
  return failures == 0 ? 0 : 1;
}
