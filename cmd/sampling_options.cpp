#include "sampling_options.h"

#include "base/error.h"
#include "options.h"
#include "program.h"

namespace lm::cmd {

void add_sampling_options(CLI::App& app, const SamplingVariables& variables, const SamplingHelp& help) {
  SamplingOptions& sampling = variables.sampling;
  add_size(app, "-n,--tokens", variables.max_tokens, "tokens to sample at most", SizeUnit::count, {0});
  add_real(app, "--temperature", sampling.temperature, "divides the logits; 0 takes the likeliest token");
  add_size(app, "--top-k", sampling.top_k, "sample from the k likeliest tokens; 0: from all", SizeUnit::count, {0});
  add_real(app, "--top-p", sampling.top_p, "sample from the likeliest tokens that reach this mass", {1e-9, 1});
  add_real(app, "--min-p", sampling.min_p, "leave out tokens less likely than this fraction of the likeliest", {0, 1});
  add_parsed(app, "--seed", "N", std::to_string(variables.seed), "the same seed gives the same text", "",
             [&seed = variables.seed](const std::string& text) {
               seed = static_cast<std::uint64_t>(read_size(text, SizeUnit::count, {0}));
               return true;
             });
  add_size(app, "--samples", variables.samples, help.samples);
  add_repeated(app, "--stop", variables.stops, help.stop, "STRING");
}

void add_decoding_options(CLI::App& app, Drafting& drafting, HeldTypes& types) {
  add_choice(app, "--draft", drafting, "guess tokens from the text and verify several at once; the text is the same");
  add_choice(app, "--weights", types.weights, "round the model's matrices to this type when it is opened");
  add_products(app, types.products);
  add_choice(app, "--cache-type", types.cache, "round what is kept of the tokens, keys and values, to this type");
}

void add_products(CLI::App& app, WeightProducts& products) {
  add_choice(app, "--products", products,
             "compute with quantized weights as whole numbers, or as the floats they stand for");
}

void check_products(const CLI::App& app, WeightProducts products, const DecodingWeights* weights, const std::string& model) {
  if (products != WeightProducts::int8 || app.count("--products") == 0) return;
  if (weights != nullptr && weights->quantized()) return;
  throw Error("--products int8 is for quantized weights, and those of '" + model + "' are not; lm-convert --type q8_0 " +
              "writes a model with such");
}

void check_stops(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    if (stop.empty()) throw UsageError("--stop needs a text that is not empty");
  }
}

}  // namespace lm::cmd
