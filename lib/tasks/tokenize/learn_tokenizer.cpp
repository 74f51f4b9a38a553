#include "tasks/tokenize/learn_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/resident.h"
#include "base/text_input.h"
#include "text/training/counts_file.h"
#include "text/training/memory_bound.h"
#include "text/training/text_counter.h"

namespace lm {
namespace {

CountingUnit unit_of(const BpeTrainerOptions& options) {
  return options.ties == BpeTrainerOptions::Ties::hf ? CountingUnit::line : CountingUnit::document;
}

void count_texts(PretokenStore& counts, const CountRequest& request, const MemoryPlan& memory,
                 const BpeTrainerOptions& options, ThreadPool& pool, const CountProgress& progress) {
  const CountingUnit unit = unit_of(options);
  DocumentKind kind = request.documents;
  // Every line with its ending is a unit either way, and cutting at lines would lose the endings.
  if (unit == CountingUnit::line && kind.kind == DocumentKind::Kind::line) kind.kind = DocumentKind::Kind::file;
  TextCounter counter({.header = {options.pattern, unit},
                       .block = memory.block,
                       .held = static_cast<std::size_t>(std::max<std::uint64_t>(memory.rest / 4, memory.block)),
                       .tier = request.tier},
                      counts, pool);
  std::uint64_t bytes = 0;
  const auto count = [&](std::string_view piece) {
    counter.feed(piece);
    bytes += piece.size();
    progress(bytes);
  };
  split_documents(request.texts, kind, {.text = count, .end = [&] { counter.end_document(); }});
  counter.finish();
}

void read_counts(PretokenStore& counts, const std::string& path, BpeTrainerOptions& options, bool keeps_pattern) {
  check_text_inputs(FileUse::counts, {path}, Accept::text);
  TextInput input(open_input(path), FileUse::counts, Accept::text);
  CountsReader reader([&](void* buffer, std::size_t size) { return input.read_once(buffer, size); }, input.name());
  const CountsHeader& header = reader.header();
  if (keeps_pattern && header.pattern != options.pattern) {
    throw Error("the counts '" + path + "' were made with the pattern " + to_string(header.pattern) + ", not " +
                to_string(options.pattern));
  }
  options.pattern = header.pattern;
  if (header.unit != unit_of(options)) {
    throw Error("the counts '" + path +
                "' were made for other --ties: " + (header.unit == CountingUnit::line ? "hf" : "raw or lex"));
  }
  while (reader.next()) counts.add(0, reader.pretoken(), reader.count());
}

}  // namespace

MemoryPlan plan_memory(std::uint64_t limit, int threads, std::int64_t vocab_size) {
  // The tokenizer's tables and text, when it is written, come after the rest was given back.
  constexpr std::uint64_t kWritten = 600, kReserve = std::uint64_t{4} << 20U, kLeast = std::uint64_t{8} << 20U;
  const auto workers = static_cast<std::uint64_t>(threads);
  MemoryPlan plan;
  plan.block = static_cast<std::size_t>(std::clamp<std::uint64_t>(limit / 128 / workers, 1U << 16U, 1U << 20U));
  const auto now = static_cast<std::uint64_t>(resident_memory().now);
  plan.before = now + kReserve + (2 * workers + 2) * plan.block;
  const std::uint64_t least =
      std::max(plan.before + kLeast, now + kReserve + kWritten * static_cast<std::uint64_t>(vocab_size));
  if (limit < least) {
    throw Error("--memory " + std::to_string(limit >> 20U) + "M is too little for the program and a vocabulary of " +
                std::to_string(vocab_size) + "; for a short text " + memory_that_would_do(least));
  }
  plan.rest = limit - plan.before;
  return plan;
}

void count_pretokens(PretokenStore& counts, const CountRequest& request, const MemoryPlan& memory,
                     BpeTrainerOptions& options, ThreadPool& pool, const CountProgress& progress) {
  if (request.counts.empty()) {
    count_texts(counts, request, memory, options, pool, progress);
  } else {
    bool keeps_pattern = request.keeps_pattern;
    for (const std::string& path : request.counts) {
      read_counts(counts, path, options, keeps_pattern);
      keeps_pattern = true;
    }
  }
  counts.finish();
}

void write_counts(const std::string& path, PretokenStore& counts, const BpeTrainerOptions& options) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  CountsWriter writer(*output, {options.pattern, unit_of(options)});
  counts.for_each_sorted([&](std::string_view pretoken, std::uint64_t count) { writer.add(pretoken, count); });
  writer.finish();
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
