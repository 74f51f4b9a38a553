#include "base/file_hash.h"

#include <dlfcn.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/random_access.h"

namespace lm {

Fingerprint hash_of_file(const std::string& path) {
  const RandomAccessFile file = RandomAccessFile::open(path, [](std::string_view) {});
  Hasher hasher;
  std::vector<char> piece(std::size_t{1} << 16);
  for (std::uint64_t first = 0; first < file.size(); first += piece.size()) {
    const std::size_t size = std::min<std::uint64_t>(piece.size(), file.size() - first);
    file.read(first, piece.data(), size);
    hasher.update(piece.data(), size);
  }
  return hasher.digest128();
}

Fingerprint hash_of_code(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) throw Error("cannot find the file of a library in use");
  return hash_of_file(info.dli_fname);
}

}  // namespace lm
