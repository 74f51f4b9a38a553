#include "base/resident.h"

#include <fstream>
#include <string>

namespace lm {

ResidentMemory resident_memory() {
  ResidentMemory memory;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const auto kilobytes = [&](const char* key, std::int64_t& value) {
      const std::string name(key);
      if (line.starts_with(name)) value = 1024 * std::stoll(line.substr(name.size()));
    };
    kilobytes("VmRSS:", memory.now);
    kilobytes("RssFile:", memory.files);
    kilobytes("VmHWM:", memory.peak);
  }
  return memory;
}

}  // namespace lm
