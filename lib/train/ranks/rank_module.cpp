#include "train/ranks/rank_module.h"

#include <dlfcn.h>

#include "base/error.h"

namespace lm {

// Global, since what MPI loads itself looks for MPI's names.
RankModule::RankModule(const std::string& path, const std::string& version)
    : path_(path), library_(dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
  if (library_ == nullptr) {
    const char* const reason = dlerror();
    throw Error("cannot load '" + path + "': " + (reason != nullptr ? reason : "unknown reason"));
  }
  const std::string found = reinterpret_cast<RankModuleText>(symbol(kRankModuleVersion))();
  if (found != version)
    throw Error("cannot use '" + path + "': it is of version " + found + ", this program of " + version +
                "; install both together");
}

void* RankModule::symbol(const char* name) const {
  void* const found = dlsym(library_, name);
  if (found == nullptr) throw Error("cannot use '" + path_ + "': it has no '" + name + "'");
  return found;
}

std::unique_ptr<Ranks> RankModule::open() const {
  return std::unique_ptr<Ranks>(reinterpret_cast<OpenRanks>(symbol(kOpenRanks))());
}

std::string RankModule::text() const { return reinterpret_cast<RankModuleText>(symbol(kRankModuleText))(); }

}  // namespace lm
