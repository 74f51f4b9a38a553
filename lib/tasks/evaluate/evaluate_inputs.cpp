// Files and streams into documents of tokens: text or tokens, which their first bytes distinguish.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "data/token_file.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/load_tokenizer.h"

namespace lm {
namespace {

constexpr std::size_t kTextPiece = std::size_t{1} << 16;
constexpr std::size_t kTokenPiece = std::size_t{1} << 14;

struct Reader {
  const DocumentTokens& sink;
  const TextModel& model;
  const DocumentKind& kind;
  const std::function<void()>& on_read;

  void read(const std::string& path) {
    TextInput input(open_input(path), FileUse::scored, kind.accept);
    if (kind.accept == Accept::anything || !is_token_stream(input.head())) return read_text(input, path);
    const std::string head(input.head());
    read_tokens(input.take_descriptor(), head);
  }

 private:
  void read_tokens(FileDescriptor input, std::string_view head) {
    TokenReader reader(std::move(input), head);
    require_same_tokenizer(model.tokenizer, reader.info(), reader.name());
    std::vector<TokenId> tokens(kTokenPiece);
    BeginTokens begins(model.tokenizer, reader.info(), reader.name());
    while (const std::size_t count = reader.read(tokens)) {
      std::span<const TokenId> piece(tokens.data(), count);
      while (!piece.empty()) {
        const auto end = std::find(piece.begin(), piece.end(), reader.info().end_of_text);
        const auto length = static_cast<std::size_t>(end - piece.begin());
        const std::span<const TokenId> text = begins.strip(piece.first(length));
        model.require_embedded(text, "'" + reader.name() + "'");
        if (!text.empty()) sink.tokens(text);
        if (end != piece.end()) {
          begins.end_document();
          sink.end();
        }
        piece = piece.subspan(std::min(length + 1, piece.size()));
      }
      if (on_read) on_read();
    }
  }

  void read_text(TextInput& input, const std::string& path) {
    StreamEncoder encoder(model.tokenizer, SpecialTokens::plain);
    std::vector<TokenId> tokens;
    const auto hand_over = [&] {
      model.require_embedded(tokens, "'" + input.name() + "'");
      if (!tokens.empty()) sink.tokens(tokens);
      tokens.clear();
    };
    const auto name = [&] {
      if (kind.kind == DocumentKind::Kind::file) sink.name(path);
    };
    const auto take = [&](std::string_view piece) {
      name();
      if (sink.text) sink.text(piece);
      encoder.feed(piece, tokens);
      hand_over();
    };
    const auto end = [&] {
      name();
      encoder.finish(tokens);
      hand_over();
      sink.end();
    };
    DocumentSplitter splitter(kind, {.text = take, .end = end, .json = sink.json});
    splitter.begin_input(input.name());
    std::string buffer(kTextPiece, '\0');
    while (const std::size_t size = input.read_once(buffer.data(), buffer.size())) {
      splitter.feed(std::string_view(buffer.data(), size));
      if (on_read) on_read();
    }
    splitter.end_input();
  }
};

}  // namespace

void read_documents(const DocumentTokens& sink, const TextModel& model, const std::vector<std::string>& paths,
                    const DocumentKind& kind, const std::function<void()>& on_read) {
  check_text_inputs(FileUse::scored, paths, kind.accept);
  Reader reader{.sink = sink, .model = model, .kind = kind, .on_read = on_read};
  for (const std::string& path : paths) reader.read(path);
  if (paths.empty()) reader.read("-");
}

DocumentTokens documents_into(Evaluator& evaluator) {
  return {.name = [&](std::string_view name) { evaluator.name_document(name); },
          .tokens = [&](std::span<const TokenId> tokens) { evaluator.add(tokens); },
          .end = [&] { evaluator.end_document(); },
          .text = [&](std::string_view text) { evaluator.add_text(text); },
          .json = [&](const JsonDocument& document) { evaluator.add_record(document.record); }};
}

void evaluate_inputs(Evaluator& evaluator, const TextModel& model, const std::vector<std::string>& paths,
                     const DocumentKind& kind, const std::function<void()>& on_read) {
  read_documents(documents_into(evaluator), model, paths, kind, on_read);
  evaluator.finish();
}

}  // namespace lm
