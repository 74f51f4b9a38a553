// Errors: what a user can mend (Error), and what we must (LM_CHECK).
#pragma once

#include <stdexcept>
#include <string>

namespace lm {

/// Something the user can put right: a bad file, a full disk, a value out of range. The message says what is wrong, names
/// the subject in single quotes, where, what was expected and what to do about it; lower case, no full stop. Programs print
/// it on one line and exit with 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Options that contradict each other or do not suit the data, so that only another command helps. Programs exit with 2.
class SettingsError : public Error {
 public:
  using Error::Error;
};

/// A broken invariant of the program itself.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// What the system refused, such as a write to a full disk: trying again later can help.
class SystemError : public Error {
 public:
  using Error::Error;
};

/// Throws SystemError with the text of errno: "cannot <action> '<subject>': <reason>".
[[noreturn]] void throw_system_error(const std::string& action, const std::string& subject, int error_number);

[[noreturn]] void throw_check_failure(const char* condition, const char* file, int line);

}  // namespace lm

#define LM_CHECK(condition) ((condition) ? (void)0 : ::lm::throw_check_failure(#condition, __FILE__, __LINE__))
