#include "tasks/tokenize/learn_tokenizer.h"

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/text_input.h"
#include "text/files/counts_file.h"

namespace lm {
namespace {

PretokenCounter::Unit unit_of(const BpeTrainerOptions& options) {
  return options.ties == BpeTrainerOptions::Ties::hf ? PretokenCounter::Unit::line : PretokenCounter::Unit::document;
}

void count_texts(PretokenCounts& counts, const CountRequest& request, const BpeTrainerOptions& options,
                 const CountProgress& progress) {
  const PretokenCounter::Unit unit = unit_of(options);
  DocumentKind kind = request.documents;
  // Every line with its ending is a unit either way, and cutting at lines would lose the endings.
  if (unit == PretokenCounter::Unit::line && kind.kind == DocumentKind::Kind::line) kind.kind = DocumentKind::Kind::file;
  PretokenCounter counter(options.pattern, unit, counts);
  std::uint64_t bytes = 0;
  const auto count = [&](std::string_view piece) {
    counter.feed(piece);
    bytes += piece.size();
    progress(bytes);
  };
  split_documents(request.texts, kind, {.text = count, .end = [&] { counter.end_document(); }});
}

CountsHeader read_counts(PretokenCounts& counts, const std::string& path) {
  TextInput input(open_input(path), FileUse::counts, Accept::text);
  CountsReader reader(counts, input.name());
  std::vector<char> block(std::size_t{1} << 18U);
  while (const std::size_t size = input.read_once(block.data(), block.size())) reader.feed({block.data(), size});
  return reader.finish();
}

}  // namespace

void count_pretokens(PretokenCounts& counts, const CountRequest& request, BpeTrainerOptions& options,
                     const CountProgress& progress) {
  if (request.counts.empty()) return count_texts(counts, request, options, progress);
  bool pattern_is_set = request.keeps_pattern;
  for (const std::string& path : request.counts) {
    check_text_inputs(FileUse::counts, {path}, Accept::text);
    const CountsHeader header = read_counts(counts, path);
    if (pattern_is_set && header.pattern != options.pattern) {
      throw Error("the counts '" + path + "' were made with the pattern " + to_string(header.pattern) + ", not " +
                  to_string(options.pattern));
    }
    pattern_is_set = true;
    options.pattern = header.pattern;
    if (header.unit != unit_of(options)) {
      throw Error("the counts '" + path +
                  "' were made for other --ties: " + (header.unit == PretokenCounter::Unit::line ? "hf" : "raw or lex"));
    }
  }
}

void write_counts(const std::string& path, const PretokenCounts& counts, const BpeTrainerOptions& options) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  output->write(counts_to_text(counts, options.pattern, unit_of(options)));
  output->close();
}

void write_tokenizer(const std::string& path, const Tokenizer& tokenizer) {
  const std::string json = tokenizer.to_json();
  if (path == "-") tokenizer.check_read_back(json, path);
  const std::unique_ptr<OutputStream> output = open_output(path);
  output->read_back([&](const FileDescriptor& written) {
    tokenizer.check_read_back(FileContent::read(written, kTokenizerLimit).text(), path);
  });
  output->write(json);
  output->close();
}

}  // namespace lm
