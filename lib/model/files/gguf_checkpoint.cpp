#include "model/files/gguf_checkpoint.h"

#include "model/files/gguf_model.h"

namespace lm {

LoadedModel load_gguf_model(const std::string& path) {
  const GgufModel model = GgufModel::open(path);
  ModelRecord record{.config = model.config(), .tokenizer_json = {}, .progress = {}};
  record.folder = model.folder();
  record.ends = read_text_ends(record.folder, path, record.config.vocab_size, record.notes);
  record.tokenizer_in_file = model.has_vocabulary();
  if (is_quantized(model.parts()))
    record.notes.push_back("its weights are dequantized from " + gguf_file_type(model.parts()) + " to 32-bit floats");
  Parameters<float> parameters(record.config);
  for (const TensorSpec& spec : parameters.tensors()) model.read(spec, parameters.view(spec));
  return {.record = std::move(record), .parameters = std::move(parameters), .path = path};
}

}  // namespace lm
