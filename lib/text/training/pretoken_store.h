// PretokenStore: the counts of a text of any size in bounded memory: tables, and what they cannot hold in sorted files.
//
// A table that is full is written in the order of its pretokens, to a file without a name, and begins anew; at the end the
// files are merged as they are read. (Partitions by hash would give each part of the pretokens in memory, and no order; files
// in order are also what --dump-counts writes, so one format and one merge serve both.)
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random_access.h"
#include "text/training/counts_file.h"
#include "text/training/pretoken_counts.h"

namespace lm {

struct PretokenStoreOptions {
  std::uint64_t memory = UINT64_MAX;  // bytes that counting may take
  std::string folder = "/tmp";        // where counts beyond it go
  int threads = 1;                    // that count, each in a table of its own
};

class PretokenStore {
 public:
  using Visit = std::function<void(std::string_view pretoken, std::uint64_t count)>;
  explicit PretokenStore(PretokenStoreOptions options);

  /// Adds to the table of a thread. Throws Error if the folder has no room, or one pretoken does not fit into the memory.
  void add(int thread, std::string_view pretoken, std::uint64_t count = 1);
  void add_all(int thread, std::span<const std::string_view> pretokens);
  /// Takes so many bytes less than the memory from now on; what no longer fits goes to the folder. Not while threads add.
  void leave_room(std::uint64_t bytes);
  /// Ends adding: afterwards each pretoken is in one place.
  void finish();
  /// Calls visit once for each pretoken, any number of times, in an order that depends on how they came.
  void for_each(const Visit& visit) const;
  /// Calls visit for each in the order of their bytes. Once, and last.
  void for_each_sorted(const Visit& visit);
  /// Returns the bytes of memory that it takes.
  std::uint64_t memory() const;
  /// Moves what is in memory to the folder.
  void leave_memory();
  /// Frees everything.
  void clear();
  /// Returns how many bytes are in the folder.
  std::uint64_t bytes_on_disk() const;

 private:
  struct Run {
    RandomAccessFile file;
    int level;  // of merging: how often its pretokens were written
  };
  // The runs of one level that are merged into one of the next, so that no more are read at a time.
  static constexpr std::size_t kFanIn = 16;

  void spill(PretokenCounts& table);
  void keep(RandomAccessFile file, int level);
  RandomAccessFile write_run(const std::function<void(CountsWriter& writer)>& write) const;
  RandomAccessFile merge_runs(std::size_t first) const;
  std::vector<CountsReader> readers(std::size_t first) const;
  void add_table(PretokenCounts& table);

  PretokenStoreOptions options_;
  std::vector<PretokenCounts> tables_;
  std::mutex mutex_;  // of runs_
  std::vector<Run> runs_;
};

}  // namespace lm
