// One line on standard error that says how far a long job has come and how long it may still take.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "program.h"

namespace lm::cmd {

/// Returns the line of at most `columns`: percentage, parts and the time left, each of which may be empty. What there is no
/// room for is left out whole: first the parts from the last to the third, then the time left, the second part, and the
/// percentage.
std::string progress_line(const std::string& percentage, std::vector<std::string> parts, std::string left,
                          std::size_t columns);

/// Shows nothing unless standard error is a terminal (or --progress always). On a terminal the line is redrawn in place, at
/// most ten times a second; elsewhere a new line is written at most every ten seconds.
class Progress {
 public:
  explicit Progress(const CommonOptions& common);
  ~Progress();  // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Returns whether update() would draw now, so that a caller need not compose its text in vain.
  bool due() const;
  /// `fraction` in [0, 1] gives the estimate of the remaining time; outside, none is shown. `begun`: the fraction that had
  /// been done before this object was made. `parts`: what else is shown, as progress_line takes it. Not due: does nothing.
  void update(double fraction, const std::vector<std::string>& parts, double begun = 0);
  void update(double fraction, std::string_view text) { update(fraction, std::vector{std::string(text)}); }
  /// Shows the last state, whether due or not, and ends the line.
  void finish(const std::vector<std::string>& parts);
  /// Removes the line from the terminal, before something else is printed there; the next update() draws it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string& percentage, const std::vector<std::string>& parts, const std::string& left);

  bool enabled_ = false;
  bool terminal_ = false;
  bool drawn_ = false;
  bool ever_drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace lm::cmd
