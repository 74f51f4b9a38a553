// Which folders a model's folder may replace: those with which nothing is lost.
#pragma once

#include <string>

namespace lm {

/// Throws Error, naming what is in the way, unless the folder is empty or holds a model that was written here and no file
/// beside those that were written with it.
void check_replaceable(const std::string& folder);

/// Returns whether a file has the name of one that folders are written with, whole or, before a kill, in part.
bool is_of_folder(const std::string& name);

}  // namespace lm
