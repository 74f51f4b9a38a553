// A file of weights as other programs write it, without the metadata of ours.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "model/files/checkpoint.h"

namespace lm::test {

inline void write_weights_only(const std::string& path, const Parameters<float>& parameters) {
  std::vector<TensorSource> sources;
  add_sources(sources, parameters);
  const std::unique_ptr<OutputStream> output = open_output(path);
  write_safetensors(*output, {{"format", "pt"}}, sources);
  output->close();
}

}  // namespace lm::test
