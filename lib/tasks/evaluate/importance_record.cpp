#include "tasks/evaluate/importance_record.h"

#include <charconv>

#include "base/error.h"
#include "base/path.h"
#include "model/families.h"
#include "model/files/gguf_architecture.h"

namespace lm {
namespace {

/// Returns which product a matrix of a GGUF file is in.
LayerMatrix matrix_of(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (has("attn_output")) return LayerMatrix::projection;
  if (has("ffn_down")) return LayerMatrix::down;
  return has("ffn_") ? LayerMatrix::up : LayerMatrix::qkv;
}

std::int64_t layer_in(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  std::int64_t layer = 0;
  LM_CHECK(name.starts_with(kBlock));
  std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer);
  return layer;
}

}  // namespace

void require_gguf_names(const TextModel& model) {
  if (!is_masked_family(model.config().family)) return;
  throw Error("cannot write the importance of '" + model.path() + "': models of the family '" +
              to_string(model.config().family) + "' are not written as GGUF, which it is for");
}

ImportanceRecord importance_record(const TextModel& model, const InputSquares& squares, const WindowPlan& plan,
                                   const std::vector<std::string>& inputs) {
  require_gguf_names(model);
  if (squares.rows() == 0)
    throw Error("cannot write the importance of '" + model.path() + "': no token was scored; give it text");
  ImportanceRecord record;
  record.window = plan.context == 0 ? model.config().context_length : plan.context;
  for (const std::string& input : inputs) record.datasets.push_back(name_of(input_name(input)));
  if (inputs.empty()) record.datasets.push_back(input_name("-"));
  for (const TensorSpec& spec : model.parameters().tensors()) {
    if (!spec.in_layer_matrices()) continue;
    const std::string name = gguf_tensor_name(model.config().family, spec.name);
    const std::span<const double> sums = squares.sums(layer_in(name), matrix_of(name));
    record.sums[name] = {.squares = {sums.begin(), sums.end()}, .rows = squares.rows()};
  }
  return record;
}

}  // namespace lm
