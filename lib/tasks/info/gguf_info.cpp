// GGUF files: models and importance.
#include "base/error.h"
#include "base/gguf.h"
#include "model/files/gguf_model.h"
#include "model/files/gguf_parts.h"
#include "tasks/info/kinds.h"

namespace lm {
namespace {

void add_sizes(FileInfo& info, const GgufFile& file, const std::string& architecture) {
  for (const auto& [key, name] :
       {std::pair("block_count", "layers"), std::pair("embedding_length", "channels"),
        std::pair("attention.head_count", "heads"), std::pair("attention.head_count_kv", "kv_heads"),
        std::pair("attention.key_length", "head_dim"), std::pair("feed_forward_length", "ffn"),
        std::pair("context_length", "context"), std::pair("attention.sliding_window", "window")}) {
    const GgufValue* value = file.find(architecture + "." + key);
    if (value == nullptr || value->type == GgufType::array) continue;
    if (const std::optional<std::uint64_t> number = file.unsigned_at(architecture + "." + key); number && *number > 0)
      info.facts.set(name, static_cast<std::int64_t>(*number));
  }
}

void add_vocabulary(FileInfo& info, const GgufFile& file) {
  const std::optional<GgufArray> tokens = file.array_at("tokenizer.ggml.tokens");
  if (!tokens) {
    info.notes.emplace_back("it holds no vocabulary");
    return;
  }
  try {
    add_tokenizer_facts(info, Tokenizer::load(info.path));
  } catch (const Error& error) {
    info.facts.set("tokens_in_vocabulary", static_cast<std::int64_t>(tokens->count));
    info.notes.emplace_back(error.what());
  }
  if (const auto pre = file.string_at("tokenizer.ggml.pre")) info.facts.set("cuts_text_as", *pre);
  if (file.find("tokenizer.chat_template") != nullptr) info.facts.set("chat_template", true);
}

}  // namespace

void inspect_gguf(FileInfo& info) {
  const GgufFile file = GgufFile::open(info.path);
  info.facts.set("version", std::int64_t{file.version()});
  const std::string type = file.string_at("general.type").value_or("model");
  info.facts.set("holds", type);
  if (const auto name = file.string_at("general.name")) info.facts.set("name", *name);
  for (const GgufTensor& tensor : file.tensors()) {
    InfoTensor each{.name = tensor.name, .shape = {}, .type = std::string(to_string(tensor.type)), .bytes = tensor.size};
    for (std::uint32_t i = tensor.dimensions; i > 0; --i)
      each.shape.push_back(static_cast<std::int64_t>(tensor.shape[i - 1]));
    info.tensors.push_back(std::move(each));
  }
  if (type == "imatrix") {
    info.facts.set("matrices", static_cast<std::int64_t>(info.tensors.size() / 2));
    if (const auto chunks = file.unsigned_at("imatrix.chunk_count"))
      info.facts.set("chunks", static_cast<std::int64_t>(*chunks));
    info.uses.emplace_back("lm-convert --importance weights the rounding of a model by it");
    return;
  }
  const std::string architecture = file.string_at("general.architecture").value_or("");
  if (!architecture.empty()) info.facts.set("architecture", architecture);
  if (const auto parts = file.unsigned_at("split.count"); parts && *parts > 1) {
    const std::uint64_t number = file.unsigned_at("split.no").value_or(0);
    info.facts.set("part", std::to_string(number + 1) + " of " + std::to_string(*parts));
    if (number > 0) {
      add_tensor_facts(info);
      info.uses.emplace_back("name the first part, which has the configuration");
      return;
    }
  }
  info.facts.set("file_type", gguf_file_type(GgufParts::open(info.path)));
  if (const auto objective = file.string_at("lm.objective")) info.facts.set("objective", *objective);
  try {
    const GgufModel model = GgufModel::open(info.path);
    add_config_facts(info, model.config());
    add_model_uses(info, file.string_at("lm.objective").value_or("causal"));
  } catch (const Error& error) {
    // Of an architecture that these programs do not compute the file still says much.
    add_sizes(info, file, architecture);
    info.notes.emplace_back(error.what());
  }
  add_tensor_facts(info);
  add_vocabulary(info, file);
  info.uses.emplace_back("programs of llama.cpp read it; tok-encode -t takes its vocabulary");
}

}  // namespace lm
