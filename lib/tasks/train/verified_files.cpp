#include "tasks/train/verified_files.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

namespace lm {

namespace {

/// What statfs(2) says of file systems on which one file has one number everywhere.
constexpr std::array<std::uint32_t, 9> kNetworks = {
    0x6969,      // NFS
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
    0x19830326,  // BeeGFS
    0x00C36400,  // Ceph
    0xAAD7AAEA,  // PanFS
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB 2
    0x5346414F,  // AFS
};

/// What two ranks have in common if they have the same file. `holder` is its system, or the kind of its network's file system.
struct FilePlace {
  Fingerprint holder = {};
  std::uint64_t device = 0, number = 0, size = 0;
  std::array<std::int64_t, 4> changed = {};  // seconds and nanoseconds, of content and of status
  bool operator==(const FilePlace&) const = default;
};

Fingerprint digest_of(std::string_view text) {
  Hasher hasher;
  hasher.update(text.data(), text.size());
  return hasher.digest128();
}

/// Returns what no other running system has.
Fingerprint own_system() {
  try {
    return digest_of(FileContent::read("/proc/sys/kernel/random/boot_id", kConfigLimit).text());
  } catch (const Error&) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return digest_of(host.data());
  }
}

/// Returns the place of a regular file; of anything else, one that no other rank has.
FilePlace place_of(const std::string& path, int rank) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return {.holder = {}, .device = static_cast<std::uint64_t>(rank)};
  FilePlace place{.number = status.st_ino,
                  .size = static_cast<std::uint64_t>(status.st_size),
                  .changed = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec}};
  struct statfs system {};
  const bool known = statfs(path.c_str(), &system) == 0;
  const auto kind = static_cast<std::uint32_t>(system.f_type);
  if (known && std::find(kNetworks.begin(), kNetworks.end(), kind) != kNetworks.end()) {
    place.holder = digest_of("network " + std::to_string(kind));
  } else {
    place.holder = own_system();
    place.device = status.st_dev;
  }
  return place;
}

}  // namespace

bool is_to_verify(Ranks& ranks, const std::string& path) {
  const std::vector<FilePlace> places = from_all(ranks, place_of(path, ranks.rank()));
  const auto own = places.begin() + ranks.rank();
  return std::find(places.begin(), own, *own) == own;
}

}  // namespace lm
