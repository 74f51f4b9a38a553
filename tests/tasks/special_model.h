// A small random model over bytes whose tokenizer has every reserved token, as if it had been trained on some objective.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "model/transformer.h"
#include "tasks/byte_model.h"

namespace lm::test {

/// As byte_tokenizer(), then two tokens " a" and "ab", then mask, sentinels and the rest of the reserved tokens.
inline Tokenizer special_tokenizer() {
  TokenizerParts parts;
  parts.pattern = Pattern::none;
  parts.tokens.push_back("<|endoftext|>");
  parts.added.push_back({.id = 0, .special = true});
  for (int byte = 0; byte < 256; ++byte) parts.tokens.push_back(std::string(1, static_cast<char>(byte)));
  for (const std::string pair : {" a", "ab"}) {
    parts.tokens.push_back(pair);
    parts.merges.push_back({static_cast<TokenId>(pair[0]) + 1, static_cast<TokenId>(pair[1]) + 1});
  }
  for (const std::string& name : reserved_special_tokens(ReservedTokens::all)) {
    if (name == "<|endoftext|>") continue;
    parts.added.push_back({.id = static_cast<TokenId>(parts.tokens.size()), .special = true});
    parts.tokens.push_back(name);
  }
  return Tokenizer(std::move(parts), {}, "test");
}

/// Progress makes it one of ours, whose objective is known.
inline TextModel special_model(const std::string& objective, std::int64_t context = 24, std::uint64_t seed = 41) {
  Tokenizer tokenizer = special_tokenizer();
  ModelConfig config = tiny_configs().back().config;
  config.context_length = context;
  config.vocab_size = tokenizer.vocab_size();
  Parameters<float> parameters(config);
  randomise(parameters, seed, 0.3);
  ModelRecord record;
  record.config = config;
  record.objective = objective;
  record.tokenizer_json = tokenizer.to_json();
  record.progress = R"({"settings":{"span-density":0.2,"span-length":2}})";
  record.facts.end_of_text = tokenizer.end_of_text();
  return {.model = {.record = record, .parameters = std::move(parameters), .path = "special-model"},
          .tokenizer = std::move(tokenizer)};
}

/// Nats of every token of the vocabulary at one place of one sequence, by only the Transformer: the reference.
inline std::vector<double> nats_at(Compute& compute, const TextModel& model, const std::vector<TokenId>& input,
                                   std::int64_t place, std::int64_t prefix_length) {
  Batch batch;
  batch.sequences = 1;
  batch.length = std::ssize(input);
  batch.input = input;
  batch.target.assign(input.size(), 0);
  batch.weight.assign(input.size(), 0);
  batch.weight[static_cast<std::size_t>(place)] = 1;
  batch.prefix_length = {prefix_length};
  Activations<float> activations(model.config(), 1, batch.length, Keep::scoring);
  struct Sink : RowSink<float> {
    void consume(std::span<const std::int64_t>, TensorView<float> logits) override {
      double sum = 0;
      for (std::int64_t v = 0; v < logits.columns(); ++v) sum += std::exp(static_cast<double>(logits.row(0)[v]));
      for (std::int64_t v = 0; v < logits.columns(); ++v)
        nats.push_back(std::log(sum) - static_cast<double>(logits.row(0)[v]));
    }
    std::vector<double> nats;
  } sink;
  Transformer<float>(compute, model.parameters()).score(batch, activations, sink);
  return sink.nats;
}

}  // namespace lm::test
