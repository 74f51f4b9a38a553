// The products of the benchmarks' shapes, in the three orientations of training and in decoding's.
#include "kernels/matmul.h"
#include "kernels/packed.h"

#include "measure.h"
#include "model/activations.h"

namespace lm::bench {

namespace {

enum class Product { forward, backward_input, backward_weight };

struct Sizes {
  std::int64_t rows, inputs, outputs;
};

void run_product(benchmark::State& state, Product product, Precision precision, Sizes s) {
  Matrix x(s.rows, s.inputs), matrix(s.outputs, s.inputs), y(s.rows, s.outputs);
  const std::int64_t half = half_weight_size(precision, s.outputs, s.inputs);
  Arena<std::uint16_t> across(half), along(half);
  LinearWeight<float> weight(matrix.view);
  weight.half = {precision, across.data(), along.data()};
  round_weight(compute(), weight);
  const double operations = 2.0 * static_cast<double>(s.rows * s.inputs * s.outputs);
  measure(state, {.flops = operations}, [&] {
    switch (product) {
      case Product::forward:
        return linear_forward<float>(compute(), y.view, x.view, weight, {});
      case Product::backward_input:
        return linear_backward_input<float>(compute(), x.view, y.view, weight, Write::overwrite);
      case Product::backward_weight:
        return linear_backward_weight<float>(compute(), matrix.view, {}, y.view, x.view, precision);
    }
  });
}

/// One row uses each weight once: to read them is the limit.
void run_packed(benchmark::State& state, WeightType type, Sizes s) {
  const Matrix x(s.rows, s.inputs), weight(s.outputs, s.inputs), y(s.rows, s.outputs);
  PackedMatrix matrix = packed_shape(compute().simd(), type, s.outputs, s.inputs);
  const Arena<std::byte> memory(whole_bytes(matrix) + rest_bytes(matrix));
  matrix.whole = memory.data();
  if (rest_bytes(matrix) > 0) matrix.rest = memory.at(whole_bytes(matrix));
  pack(compute(), matrix, weight.view);
  measure(state, {.bytes = static_cast<double>(memory.size())},
          [&] { linear_packed(compute(), y.view, x.view, matrix, {}); });
}

void define_training(const std::string& name, Sizes s) {
  for (const Precision precision : precisions()) {
    for (const auto& [product, orientation] : {std::pair(Product::forward, "_forward/"),
                                               {Product::backward_input, "_backward_input/"},
                                               {Product::backward_weight, "_backward_weight/"}}) {
      define(name + orientation + to_string(precision) + "/" + dimensions({s.rows, s.inputs, s.outputs}),
             [=, product = product](benchmark::State& state) { run_product(state, product, precision, s); });
    }
  }
}

}  // namespace

void register_products() {
  struct Shape {
    std::int64_t rows, channels, vocabulary;  // rows: of a step, 4096 at the most
  };
  for (const auto [rows, c, vocabulary] :
       {Shape{768, 128, 257}, {4096, 384, 257}, {4096, 256, 4096}, {4096, 512, 8192}, {1024, 768, 50257}}) {
    define_training("query_key_value", {rows, c, 3 * c});
    define_training("attention_out", {rows, c, c});
    define_training("up", {rows, c, 4 * c});
    define_training("down", {rows, 4 * c, c});
    ModelConfig config;
    config.vocab_size = vocabulary;
    define_training("head", {Activations<float>::head_chunk_rows(config), c, vocabulary});
  }
  for (const std::int64_t c : {256, 512, 768}) {
    for (const Choice<WeightType>& type : kChoices<WeightType>.choices) {
      define(std::string("packed/") + type.word + "/" + dimensions({1, c, 4 * c}), [=](benchmark::State& state) {
        run_packed(state, type.value, {1, c, 4 * c});
      });
    }
  }
}

}  // namespace lm::bench
