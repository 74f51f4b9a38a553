// modeling_lm_tools.py: the classes by which transformers load a model that looks both ways.
#pragma once

#include <string>

namespace lm {

/// Returns the text of the file. (python/modeling_lm_tools.py, which is compiled in.)
std::string modeling_source();

}  // namespace lm
