#include "model/files/gguf_model_writer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <tuple>

#include "base/error.h"
#include "kernels/quantize.h"
#include "model/families.h"

namespace lm {

namespace {

/// A tensor before it has a type. Vectors have rows of one value, so that they can be put in another order, too.
struct Plan {
  std::string name;
  std::vector<std::int64_t> shape;
  const float* values = nullptr;  // (rows, columns); null: zeros
  std::vector<float> owned = {};  // instead of values
  std::int64_t rows = 0, columns = 0;
  std::int64_t paired_rows = 0;  // of a head, of which neighbours turn together in the file; 0: rows are as they are
  float offset = 0;              // is added

  const float* data() const { return owned.empty() ? values : owned.data(); }
  bool is_changed() const { return values == nullptr || paired_rows != 0 || offset != 0; }
  /// Returns the row in memory of a row of the file: rows 2i and 2i + 1 of a head are i and half + i.
  std::int64_t memory_row(std::int64_t row) const {
    if (paired_rows == 0) return row;
    const std::int64_t in_head = row % paired_rows;
    return row - in_head + in_head % 2 * (paired_rows / 2) + in_head / 2;
  }
};

/// Returns what Llama 3.1's scaling divides the frequency of each pair by (model/rotary_tables.h has the formula).
std::vector<double> llama3_factors(const Rotary& rotary, std::int64_t dim) {
  std::vector<double> factors;
  for (std::int64_t i = 0; i < dim; i += 2) {
    const double frequency = std::pow(rotary.theta, -static_cast<double>(i) / static_cast<double>(dim));
    const double turns = static_cast<double>(rotary.original_context) * frequency / (2 * std::numbers::pi);
    const double part = (turns - rotary.low_frequency) / (rotary.high_frequency - rotary.low_frequency);
    const double between = 1 / ((1 - part) / rotary.factor + part);
    factors.push_back(turns > rotary.high_frequency ? 1 : turns < rotary.low_frequency ? rotary.factor : between);
  }
  return factors;
}

/// Lists a model's tensors.
class Planner {
 public:
  Planner(const Parameters<float>& parameters, const GgufTarget& target)
      : parameters_(parameters),
        config_(parameters.config()),
        target_(target),
        paired_(find_gguf_architecture(target.architecture, "").paired_rows && !config_.rotary_interleaved) {}

  std::vector<Plan> plans() {
    for (const TensorSpec& spec : parameters_.tensors()) add(spec);
    if (config_.tied_embeddings && target_.own_head) add_copy("token_embd.weight", "output.weight");
    add_missing_biases();
    add_rotation_factors();
    std::stable_sort(plans_.begin(), plans_.end(),
                     [](const Plan& a, const Plan& b) { return place(a.name) < place(b.name); });
    return std::move(plans_);
  }

 private:
  void add(const TensorSpec& spec) {
    const std::string name = gguf_tensor_name(config_.family, spec.name);
    if (name.empty()) throw InternalError("a tensor without a name in GGUF: " + spec.name);
    Plan plan{.name = name, .shape = {spec.columns}, .values = parameters_.view(spec).data()};
    const bool is_vector = spec.rank == 1;
    plan.rows = is_vector ? spec.columns : spec.rows;
    plan.columns = is_vector ? 1 : spec.columns;
    if (!is_vector) plan.shape.push_back(spec.rows);
    const bool turns = name.find(".attn_q.") != std::string::npos || name.find(".attn_k.") != std::string::npos;
    if (paired_ && turns) plan.paired_rows = config_.head_dim;
    if (is_vector && name.ends_with(".weight")) plan.offset = static_cast<float>(config_.gain_offset);
    plans_.push_back(std::move(plan));
  }

  void add_copy(std::string_view from, std::string to) {
    const auto found = std::find_if(plans_.begin(), plans_.end(), [&](const Plan& plan) { return plan.name == from; });
    LM_CHECK(found != plans_.end());
    Plan copy = *found;
    copy.name = std::move(to);
    plans_.push_back(std::move(copy));
  }

  bool has(const std::string& name) const {
    return std::any_of(plans_.begin(), plans_.end(), [&](const Plan& plan) { return plan.name == name; });
  }

  /// Adds a bias of zeros beside a weight, if there is none.
  void add_zeros(const std::string& stem) {
    if (has(stem + ".bias")) return;
    const auto found =
        std::find_if(plans_.begin(), plans_.end(), [&](const Plan& plan) { return plan.name == stem + ".weight"; });
    if (found == plans_.end()) return;
    const std::int64_t size = found->rows;
    plans_.push_back({.name = stem + ".bias", .shape = {size}, .rows = size, .columns = 1});
  }

  void add_missing_biases() {
    if (target_.norm_bias) add_zeros("output_norm");
    for (std::int64_t i = 0; i < config_.n_layers; ++i) {
      const std::string block = "blk." + std::to_string(i) + ".";
      if (target_.norm_bias) {
        add_zeros(block + "attn_norm");
        add_zeros(block + "ffn_norm");
      }
      if (target_.qkv_bias == GgufBias::required) add_zeros(block + "attn_qkv");
      if (target_.projection_bias == GgufBias::required) add_zeros(block + "attn_output");
      if (target_.ffn_bias == GgufBias::required) {
        add_zeros(block + "ffn_up");
        add_zeros(block + "ffn_down");
      }
    }
  }

  void add_factors(std::string name, const std::vector<double>& factors) {
    Plan plan{.name = std::move(name), .shape = {static_cast<std::int64_t>(factors.size())}};
    plan.owned.assign(factors.begin(), factors.end());
    plan.rows = plan.shape[0];
    plan.columns = 1;
    plans_.push_back(std::move(plan));
  }

  /// Adds what frequencies are divided by.
  void add_rotation_factors() {
    if (config_.positions != Positions::rotary) return;
    const Rotary& rotary = config_.rotary;
    if (rotary.scaling == RotaryScaling::longrope) {
      add_factors("rope_factors_long.weight", rotary.long_factors);
      add_factors("rope_factors_short.weight", rotary.short_factors);
    }
    if (rotary.scaling == RotaryScaling::llama3)
      add_factors("rope_freqs.weight", llama3_factors(rotary, config_.rotated_dim()));
  }

  /// Returns where a tensor comes: those outside the layers, then these in order.
  static std::int64_t place(std::string_view name) {
    constexpr std::string_view kBlock = "blk.";
    if (!name.starts_with(kBlock)) return -1;
    return std::stoll(std::string(name.substr(kBlock.size())));
  }

  const Parameters<float>& parameters_;
  const ModelConfig& config_;
  const GgufTarget& target_;
  bool paired_;
  std::vector<Plan> plans_;
};

/// Gives a tensor's bytes, some rows at a time.
void produce(Compute& compute, const Plan& plan, GgmlType type, const float* importance, const std::string& file,
             const GgufSource::Sink& sink) {
  constexpr std::int64_t kPiece = 1 << 20;  // values
  // A vector's rows are of one value, but its type knows no rows.
  const std::int64_t step = std::max<std::int64_t>(1, kPiece / plan.columns);
  const GgmlTypeFacts& facts = facts_of(type);
  std::vector<float> changed;
  std::string bytes;
  for (std::int64_t first = 0; first < plan.rows; first += step) {
    const std::int64_t rows = std::min(step, plan.rows - first);
    const float* values = plan.data() == nullptr ? nullptr : plan.data() + first * plan.columns;
    if (plan.is_changed() && plan.owned.empty()) {
      changed.assign(static_cast<std::size_t>(rows * plan.columns), 0.0F);
      for (std::int64_t row = 0; row < rows && plan.values != nullptr; ++row) {
        const float* from = plan.values + plan.memory_row(first + row) * plan.columns;
        for (std::int64_t i = 0; i < plan.columns; ++i)
          changed[static_cast<std::size_t>(row * plan.columns + i)] = from[i] + plan.offset;
      }
      values = changed.data();
    }
    bytes.resize(static_cast<std::size_t>(facts.bytes_of(rows * plan.columns)));
    const TensorView<const float> view(values, rows, plan.columns);
    if (!quantize(compute, type, bytes.data(), view, importance)) {
      throw Error("cannot write '" + file + "': the tensor '" + plan.name +
                  "' has a number that is too large for the type " + std::string(to_string(type)) +
                  "; use --type bf16 or f32");
    }
    sink(bytes.data(), bytes.size());
  }
}

/// Counts tensors by type, and says which have another than they would have had.
class TypeNotes {
 public:
  void add(const Plan& plan, const GgufChoice& choice) {
    ++counts_[choice.type];
    if (choice.type != choice.wanted) ++fallbacks_[{choice.wanted, choice.type, plan.columns}];
  }
  std::vector<std::string> sentences(GgufFileType type) const {
    std::vector<std::string> sentences;
    if (counts_.size() > 1 && type >= GgufFileType::q8_0) {
      std::string list;
      for (const auto& [each, count] : counts_)
        list += (list.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(to_string(each));
      sentences.push_back("tensors by type: " + list);
    }
    for (const auto& [key, count] : fallbacks_) {
      const auto& [wanted, got, columns] = key;
      sentences.push_back(std::to_string(count) + (count == 1 ? " tensor has" : " tensors have") + " rows of " +
                          std::to_string(columns) + " values, no multiple of the " +
                          std::to_string(facts_of(wanted).values) + " of " + std::string(to_string(wanted)) + ", and " +
                          (count == 1 ? "is " : "are ") + std::string(to_string(got)) + " instead");
    }
    return sentences;
  }

 private:
  std::map<GgmlType, std::int64_t> counts_;
  std::map<std::tuple<GgmlType, GgmlType, std::int64_t>, std::int64_t> fallbacks_;
};

/// Finds the importance of tensors, and notes which had none.
class ImportanceFinder {
 public:
  ImportanceFinder(const GgufTensorOptions& options, std::string_view file) : options_(options), file_(file) {}

  const float* find(const Plan& plan, GgmlType type) {
    if (options_.importance == nullptr || facts_of(type).values == 1) return nullptr;
    const auto found = options_.importance->find(plan.name);
    if (found == options_.importance->end()) {
      // Look-ups have no input to measure, and the head is left out as llama.cpp does.
      if (plan.name != "token_embd.weight" && plan.name != "output.weight") ++missing_;
      return nullptr;
    }
    ++found_;
    if (static_cast<std::int64_t>(found->second.size()) == plan.columns) return found->second.data();
    if (plan.name == "token_embd.weight") return nullptr;
    throw Error("cannot write '" + std::string(file_) + "': the importance '" + options_.importance_name + "' has " +
                std::to_string(found->second.size()) + " values for the tensor '" + plan.name + "', whose rows have " +
                std::to_string(plan.columns) + "; it is of another model");
  }
  void add_notes(std::vector<std::string>& notes) const {
    if (options_.importance == nullptr) return;
    if (found_ == 0 && missing_ > 0) {
      throw Error("cannot write '" + std::string(file_) + "': the importance '" + options_.importance_name +
                  "' has none of the model's tensors; it is of another model");
    }
    if (missing_ > 0)
      notes.push_back("the importance '" + options_.importance_name + "' lacks " + std::to_string(missing_) +
                      " of the model's tensors, which are rounded without it");
  }

 private:
  const GgufTensorOptions& options_;
  std::string_view file_;
  std::int64_t found_ = 0, missing_ = 0;
};

}  // namespace

GgufTensors gguf_tensors(Compute& compute, const Parameters<float>& parameters, const GgufTarget& target,
                         const GgufTensorOptions& options, std::string_view file) {
  std::vector<Plan> plans = Planner(parameters, target).plans();
  const bool tied = std::none_of(plans.begin(), plans.end(), [](const Plan& plan) { return plan.name == "output.weight"; });
  const GgufMix mix{.type = options.type,
                    .n_layers = parameters.config().n_layers,
                    .tied = tied,
                    .has_importance = options.importance != nullptr};
  GgufTensors tensors;
  TypeNotes types;
  ImportanceFinder importance(options, file);
  for (Plan& plan : plans) {
    const auto rank = static_cast<int>(plan.shape.size());
    const GgufChoice choice = choose_gguf_type(mix, plan.name, rank, plan.columns);
    types.add(plan, choice);
    const float* weights = importance.find(plan, choice.type);
    GgufSource source{.name = plan.name, .shape = plan.shape, .type = choice.type, .produce = {}};
    source.produce = [&compute, plan = std::move(plan), type = choice.type, weights, name = std::string(file)](
                         const GgufSource::Sink& sink) { produce(compute, plan, type, weights, name, sink); };
    tensors.sources.push_back(std::move(source));
  }
  tensors.notes = types.sentences(options.type);
  importance.add_notes(tensors.notes);
  return tensors;
}

}  // namespace lm
