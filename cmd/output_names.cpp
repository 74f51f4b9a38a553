#include "output_names.h"

#include <array>
#include <string_view>

#include "base/shell_word.h"
#include "program.h"

namespace lm::cmd {
namespace {

struct Ending {
  std::string_view ending;
  OutputKind kind;
  std::string_view written;
};
constexpr std::string_view kModel =
    "a model is written as safetensors (model.safetensors), or as a folder that Hugging Face loads (DIR/)";
constexpr std::string_view kTokenizer = "a tokenizer is written as JSON (tokenizer.json)";
constexpr std::string_view kTokens = "tokens are written as a token stream, or as --format says";
constexpr std::string_view kFeatures = "features are written as an array of NumPy's (features.npy)";
constexpr std::array<Ending, 22> kEndings = {{
    {".gguf", OutputKind::model,
     "a model is written as safetensors, or as a folder that Hugging Face loads (DIR/), of which lm-convert makes GGUF"},
    {".bin", OutputKind::model, kModel},
    {".pt", OutputKind::model, kModel},
    {".pth", OutputKind::model, kModel},
    {".ckpt", OutputKind::model, kModel},
    {".pkl", OutputKind::model, kModel},
    {".onnx", OutputKind::model, kModel},
    {".h5", OutputKind::model, kModel},
    {".npz", OutputKind::model, kModel},
    {".msgpack", OutputKind::model, kModel},
    {".tiktoken", OutputKind::tokenizer, kTokenizer},
    {".model", OutputKind::tokenizer, kTokenizer},
    {".npy", OutputKind::tokens, kTokens},
    {".npz", OutputKind::tokens, kTokens},
    {".parquet", OutputKind::tokens, kTokens},
    {".arrow", OutputKind::tokens, kTokens},
    {".safetensors", OutputKind::tokens, kTokens},
    {".npz", OutputKind::features, kFeatures},
    {".pt", OutputKind::features, kFeatures},
    {".safetensors", OutputKind::features, kFeatures},
    {".csv", OutputKind::features, kFeatures},
    {".tsv", OutputKind::features, kFeatures},
}};

struct Packer {
  std::string_view ending, program;
};
constexpr std::array<Packer, 5> kPackers = {
    {{".gz", "gzip"}, {".zst", "zstd"}, {".xz", "xz"}, {".bz2", "bzip2"}, {".lz4", "lz4"}}};

}  // namespace

void check_output_name(const std::string& option, const std::string& path, OutputKind kind) {
  std::string name = path;
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string cannot = "cannot write " + option + " '" + path + "': ";
  for (const Ending& known : kEndings) {
    if (known.kind == kind && name.ends_with(known.ending)) throw UsageError(cannot + std::string(known.written));
  }
  for (const Packer& packer : kPackers) {
    if (!name.ends_with(packer.ending)) continue;
    throw UsageError(cannot + "nothing is compressed here; write to standard output, and on through a pipe: ... | " +
                     std::string(packer.program) + " > " + shell_word(path));
  }
}

}  // namespace lm::cmd
