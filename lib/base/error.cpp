#include "base/error.h"

#include <system_error>

namespace lm {

void throw_system_error(const std::string& action, const std::string& subject, int error_number) {
  throw SystemError("cannot " + action + " '" + subject + "': " + std::generic_category().message(error_number));
}

void throw_check_failure(const char* condition, const char* file, int line) {
  throw InternalError(std::string("broken invariant: ") + condition + " at " + file + ":" + std::to_string(line));
}

}  // namespace lm
