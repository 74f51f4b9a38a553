#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "kernels/blocks.h"
#include "model/decoding_weights.h"
#include "tensor/layout.h"

namespace lm {

namespace {

constexpr std::int64_t kFloatsAtOnce = std::int64_t{1} << 20;  // that are packed together, of weights that are not quantized

/// Neighbouring rows of a tensor in the file.
struct FileRows {
  const TensorSpec* spec;
  StoredRows stored;  // all of the tensor
  std::int64_t first, count;
};

/// Returns part of some rows.
FileRows part_of(const FileRows& rows, std::int64_t first, std::int64_t count) {
  LM_CHECK(first >= 0 && first + count <= rows.count);
  return {rows.spec, rows.stored, rows.first + first, count};
}

}  // namespace

/// Packs the matrices of a file: lists them in the order of the file's tensors, places them, then reads them.
class DecodingWeights::FilePacker {
 public:
  FilePacker(Compute& compute, const ModelConfig& config, const MatrixSource& source, WeightType type)
      : compute_(compute), source_(source), type_(type), shapes_(Parameters<float>::shapes(config)) {}

  void list(DecodingWeights& weights) {
    const ModelConfig& c = shapes_.config();
    const TensorSpec* const first = next_matrix(false);
    if (c.tied_embeddings) {
      add(weights.head_, {whole(first)});
    } else {
      add(weights.tokens_, {whole(first)});
    }
    // Tables that are only looked up stay with the small tensors.
    next_ += (c.positions == Positions::learned ? 1 : 0) + (c.token_types > 0 ? 1 : 0);
    weights.layers_.resize(static_cast<std::size_t>(c.n_layers));
    for (PackedLayer& layer : weights.layers_) list_layer(layer);
    if (c.head_dense) add(weights.head_dense_, {whole(next_matrix(false))});
    if (!c.tied_embeddings) add(weights.head_, {whole(next_matrix(false))});
  }

  Arena<std::byte> place() {
    return place_views<std::byte>([&](Layout& layout) {
      for (const Item& item : items_) {
        item.matrix->whole = layout.take<std::byte>(whole_bytes(*item.matrix));
        item.matrix->rest = rest_bytes(*item.matrix) > 0 ? layout.take<std::byte>(rest_bytes(*item.matrix)) : nullptr;
      }
    });
  }

  void read() {
    for (const Item& item : items_) {
      const bool finite = item.matrix->quantized() ? read_blocks(item) : read_floats(item);
      if (!finite) source_.refuse_not_finite(*item.rows.front().spec);
    }
  }

 private:
  /// A matrix, and the rows of the file that are stacked in it.
  struct Item {
    PackedMatrix* matrix;
    std::vector<FileRows> rows;
  };

  FileRows whole(const TensorSpec* spec) const { return {spec, source_.rows_of(*spec), 0, spec->rows}; }

  /// Returns the next tensor that is a matrix.
  const TensorSpec* next_matrix(bool of_layer) {
    while (shapes_.tensors()[next_].rank != 2) ++next_;
    const TensorSpec& spec = shapes_.tensors()[next_++];
    LM_CHECK(spec.in_layer_matrices() == of_layer);
    return &spec;
  }

  /// Returns the tensors that make up so many rows of a layer.
  std::vector<FileRows> layer_rows(std::int64_t rows) {
    std::vector<FileRows> all;
    while (rows > 0) {
      all.push_back(whole(next_matrix(true)));
      rows -= all.back().count;
    }
    LM_CHECK(rows == 0);
    return all;
  }

  void list_layer(PackedLayer& layer) {
    const ModelConfig& c = shapes_.config();
    const std::vector<FileRows> qkv = layer_rows(c.qkv_width());
    const bool alike = std::all_of(qkv.begin(), qkv.end(),
                                   [&](const FileRows& rows) { return rows.stored.type == qkv.front().stored.type; });
    layer.qkv.resize(alike ? 1 : qkv.size());
    for (std::size_t i = 0; i < layer.qkv.size(); ++i) add(layer.qkv[i], alike ? qkv : std::vector{qkv[i]});
    add(layer.projection, layer_rows(c.channels));
    const std::vector<FileRows> up = layer_rows(c.up_width());
    layer.up.resize(c.gated ? 2 : 1);
    for (std::size_t part = 0; part < layer.up.size(); ++part)  // the file may have them in one tensor
      add(layer.up[part],
          {up.size() == layer.up.size() ? up[part]
                                        : part_of(up.front(), static_cast<std::int64_t>(part) * c.ffn_dim, c.ffn_dim)});
    // A member of a team computes the same columns of both.
    if (layer.up.front().panel != layer.up.back().panel) {
      for (PackedMatrix& matrix : layer.up)
        matrix = packed_shape(compute_.simd(), WeightType::f32, matrix.outputs, matrix.inputs);
    }
    add(layer.down, layer_rows(c.channels));
  }

  void add(PackedMatrix& matrix, const std::vector<FileRows>& rows) {
    std::int64_t outputs = 0;
    for (const FileRows& part : rows) outputs += part.count;
    const GgmlType type = rows.front().stored.type;
    const std::int64_t inputs = rows.front().spec->columns;
    if (can_pack_blocks(type)) {
      matrix = packed_blocks_shape(type, outputs, inputs);
    } else {
      const WeightType held = type == GgmlType::f16 ? WeightType::f16 : type == GgmlType::bf16 ? WeightType::bf16 : type_;
      matrix = packed_shape(compute_.simd(), type_ == WeightType::f32 ? held : type_, outputs, inputs);
    }
    items_.push_back({&matrix, rows});
  }

  /// Calls visit(place among these rows, stored rows, first, count) for the parts of stacked rows from `first` on.
  template <class Visit>
  void for_each_part(const Item& item, std::int64_t first, std::int64_t count, Visit&& visit) const {
    std::int64_t done = 0;
    for (const FileRows& rows : item.rows) {
      const std::int64_t begin = std::max<std::int64_t>(first, 0), end = std::min(first + count, rows.count);
      if (begin < end) {
        visit(done, rows.stored, rows.first + begin, end - begin);
        done += end - begin;
      }
      first -= rows.count;
    }
  }

  bool read_blocks(const Item& item) {
    const std::int64_t row_bytes = facts_of(item.matrix->blocks).bytes_of(item.matrix->inputs);
    return pack_blocks(compute_, *item.matrix, [&](std::int64_t first, std::int64_t count, void* blocks) {
      for_each_part(item, first, count,
                    [&](std::int64_t place, const StoredRows& stored, std::int64_t from, std::int64_t so_many) {
                      stored.read(from, so_many, static_cast<char*>(blocks) + place * row_bytes);
                    });
    });
  }

  bool read_floats(const Item& item) {
    const PackedMatrix& matrix = *item.matrix;
    const std::int64_t panels = std::max<std::int64_t>(1, kFloatsAtOnce / (matrix.panel * matrix.inputs));
    std::vector<float> values(static_cast<std::size_t>(std::min(panels * matrix.panel, matrix.outputs) * matrix.inputs));
    std::vector<char> blocks;
    for (std::int64_t first = 0; first < matrix.outputs; first += panels * matrix.panel) {
      const std::int64_t count = std::min(panels * matrix.panel, matrix.outputs - first);
      for_each_part(item, first, count,
                    [&](std::int64_t place, const StoredRows& stored, std::int64_t from, std::int64_t so_many) {
                      const std::int64_t size = so_many * matrix.inputs;
                      blocks.resize(static_cast<std::size_t>(facts_of(stored.type).bytes_of(size)));
                      stored.read(from, so_many, blocks.data());
                      dequantize(stored.type, blocks.data(), size, values.data() + place * matrix.inputs);
                    });
      const std::span<const float> all(values.data(), static_cast<std::size_t>(count * matrix.inputs));
      if (!std::all_of(all.begin(), all.end(), [](float value) { return std::isfinite(value); })) return false;
      const TensorView<const float> rows(values.data(), count, matrix.inputs);
      check_range(matrix.type, rows);
      pack_part(compute_, matrix, first, rows);
    }
    return true;
  }

  Compute& compute_;
  const MatrixSource& source_;
  WeightType type_;
  Parameters<float> shapes_;
  std::size_t next_ = 0;  // of its tensors
  std::vector<Item> items_;
};

DecodingWeights::DecodingWeights(Compute& compute, Parameters<float>&& small, const MatrixSource& source, WeightType type)
    : owned_(std::move(small)), parameters_(&*owned_) {
  FilePacker packer(compute, config(), source, type);
  packer.list(*this);
  memory_ = packer.place();
  packer.read();
  owned_->packed = this;
}

}  // namespace lm
