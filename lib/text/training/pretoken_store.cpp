#include "text/training/pretoken_store.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"

namespace lm {

namespace {

/// Returns a reader of a run from its beginning, which must outlive it.
CountsReader reader_of(const RandomAccessFile& file) {
  return CountsReader(
      [&file, at = std::uint64_t{0}](void* buffer, std::size_t size) mutable {
        const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(size, file.size() - at));
        if (count > 0) file.read(at, buffer, count);
        at += count;
        return count;
      },
      file.name());
}

}  // namespace

PretokenStore::PretokenStore(PretokenStoreOptions options) : options_(std::move(options)) {
  const auto threads = static_cast<std::uint64_t>(options_.threads);
  for (int i = 0; i < options_.threads; ++i) tables_.emplace_back(options_.memory / threads);
}

void PretokenStore::add(int thread, std::string_view pretoken, std::uint64_t count) {
  PretokenCounts& table = tables_[static_cast<std::size_t>(thread)];
  if (table.try_add(pretoken, count)) return;
  if (table.size() > 0) {
    spill(table);
    if (table.try_add(pretoken, count)) return;
  }
  throw Error("a pretoken of " + std::to_string(pretoken.size()) + " bytes does not fit into --memory; raise it to " +
              std::to_string(((pretoken.size() * 8 * static_cast<std::uint64_t>(options_.threads)) >> 20U) + 64) +
              "M, or use a pattern that cuts it");
}

void PretokenStore::add_all(int thread, std::span<const std::string_view> pretokens) {
  for (;;) {
    pretokens = pretokens.subspan(tables_[static_cast<std::size_t>(thread)].add_all(pretokens));
    if (pretokens.empty()) return;
    add(thread, pretokens.front());
    pretokens = pretokens.subspan(1);
  }
}

void PretokenStore::leave_room(std::uint64_t bytes) {
  const std::uint64_t limit = (options_.memory - std::min(bytes, options_.memory)) / tables_.size();
  for (PretokenCounts& table : tables_) {
    table.set_memory_limit(limit);
    if (table.memory() > limit && table.size() > 0) spill(table);
  }
}

RandomAccessFile PretokenStore::write_run(const std::function<void(CountsWriter& writer)>& write) const {
  try {
    FileDescriptor file = create_unlinked(options_.folder);
    const std::unique_ptr<OutputStream> output = output_beside(file);
    CountsWriter writer(*output, {});
    write(writer);
    writer.finish();
    output->close();
    rewind_file(file);
    std::string name = file.name();
    return {std::move(file), std::move(name)};
  } catch (const SystemError& error) {
    throw SystemError(std::string(error.what()) + "; counts that do not fit into --memory are kept in '" + options_.folder +
                      "' for a while: make room there, set TMPDIR to another folder, or raise --memory");
  }
}

void PretokenStore::spill(PretokenCounts& table) {
  RandomAccessFile run = write_run([&](CountsWriter& writer) {
    table.for_each_sorted([&](std::string_view pretoken, std::uint64_t count) { writer.add(pretoken, count); });
  });
  table.clear();
  const std::lock_guard lock(mutex_);
  keep(std::move(run), 0);
}

// As the digits of a number carry: sixteen runs of a level become one of the next.
void PretokenStore::keep(RandomAccessFile file, int level) {
  runs_.push_back({std::move(file), level});
  const auto same = [&](const Run& run) { return run.level == level; };
  const auto count = static_cast<std::size_t>(std::count_if(runs_.begin(), runs_.end(), same));
  if (count < kFanIn) return;
  // Levels only fall along the runs, so those of one level are the last.
  const std::size_t first = runs_.size() - count;
  RandomAccessFile merged = merge_runs(first);
  runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(first), runs_.end());
  keep(std::move(merged), level + 1);
}

std::vector<CountsReader> PretokenStore::readers(std::size_t first) const {
  std::vector<CountsReader> all;
  for (std::size_t i = first; i < runs_.size(); ++i) all.push_back(reader_of(runs_[i].file));
  return all;
}

/// Writes the sums of the runs from `first` on.
RandomAccessFile PretokenStore::merge_runs(std::size_t first) const {
  return write_run([&](CountsWriter& writer) {
    std::vector<CountsReader> sources = readers(first);
    merge_counts(sources, [&](std::string_view pretoken, std::uint64_t sum) { writer.add(pretoken, sum); });
  });
}

void PretokenStore::finish() {
  for (std::size_t i = 1; i < tables_.size() && runs_.empty(); ++i) add_table(tables_[i]);
  if (!runs_.empty()) leave_memory();
  if (runs_.size() < 2) return;
  RandomAccessFile merged = merge_runs(0);
  const int level = runs_.front().level + 1;
  runs_.clear();
  runs_.push_back({std::move(merged), level});
}

// Into the first table, whose share of the memory grows by what the others no longer need. If it spills, finish() merges.
void PretokenStore::add_table(PretokenCounts& table) {
  std::uint64_t others = 0;
  for (std::size_t i = 1; i < tables_.size(); ++i) others += tables_[i].memory();
  if (options_.memory > others)
    tables_[0].set_memory_limit(std::max(options_.memory - others, options_.memory / tables_.size()));
  table.for_each([&](std::string_view pretoken, std::uint64_t count) { add(0, pretoken, count); });
  table.clear();
}

void PretokenStore::leave_memory() {
  for (PretokenCounts& table : tables_) {
    if (table.size() > 0) spill(table);
    table.clear();
  }
}

void PretokenStore::for_each(const Visit& visit) const {
  if (runs_.empty()) return tables_.front().for_each(visit);
  std::vector<CountsReader> sources = readers(0);
  merge_counts(sources, visit);
}

void PretokenStore::for_each_sorted(const Visit& visit) {
  if (!runs_.empty()) return for_each(visit);
  tables_.front().for_each_sorted(visit);
}

std::uint64_t PretokenStore::memory() const {
  std::uint64_t bytes = 0;
  for (const PretokenCounts& table : tables_) bytes += table.memory();
  return bytes;
}

void PretokenStore::clear() {
  for (PretokenCounts& table : tables_) table.clear();
  runs_.clear();
}

std::uint64_t PretokenStore::bytes_on_disk() const {
  std::uint64_t bytes = 0;
  for (const Run& run : runs_) bytes += run.file.size();
  return bytes;
}

}  // namespace lm
