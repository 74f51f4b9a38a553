// Inputs of JSON records: lines of JSON, or one array, compressed or not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace lm {

/// Receives a record and where it is: "line 3 of items.jsonl".
using VisitRecord = std::function<void(const JsonValue& record, const std::string& source)>;

/// Reads the records of every path ("-", or no path at all: standard input) in bounded memory: that of the longest one. Throws
/// Error, for what is no JSON naming the place.
void for_each_record(const std::vector<std::string>& paths, const VisitRecord& visit);

}  // namespace lm
