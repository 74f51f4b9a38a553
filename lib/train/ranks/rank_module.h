// Loading the ranks of a launcher: a module, so that a plain run neither links nor starts MPI.
#pragma once

#include <memory>
#include <string>

#include "train/ranks/ranks.h"

namespace lm {

/// What a module exports under these names, as C functions. kRankModuleVersion is that of the toolkit that it was built with.
constexpr const char* kOpenRanks = "lm_open_ranks";
constexpr const char* kRankModuleVersion = "lm_rank_module_version";
constexpr const char* kRankModuleText = "lm_rank_module_text";
using OpenRanks = Ranks* (*)();
using RankModuleText = const char* (*)();

/// The library of a module stays loaded until the process ends: what it started cannot be unloaded.
class RankModule {
 public:
  /// Throws Error if the file cannot be loaded, or is of another version of the toolkit.
  RankModule(const std::string& path, const std::string& version);
  /// Joins the ranks that the launcher started. The object must live until this process has nothing more to say to them.
  std::unique_ptr<Ranks> open() const;
  /// Returns what the module was built with: "Open MPI 4.1.4".
  std::string text() const;

 private:
  void* symbol(const char* name) const;
  std::string path_;
  void* library_;
};

}  // namespace lm
