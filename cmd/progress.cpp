#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "base/number_text.h"
#include "base/printable.h"
#include "options.h"

namespace lm::cmd {
namespace {

using namespace std::chrono_literals;
constexpr auto kRedrawInterval = 100ms;  // on a terminal
constexpr auto kLogInterval = 10s;       // elsewhere

std::size_t terminal_columns() {
  struct winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string join(const std::string& percentage, const std::vector<std::string>& parts, const std::string& left) {
  std::string line = percentage;
  for (const std::string& part : parts) line += (line.empty() ? "" : line == percentage ? " " : "  ") + part;
  if (left.empty()) return line;
  return line + (line.empty() ? "" : ", ") + left;
}

void write_error_output(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string progress_line(const std::string& percentage, std::vector<std::string> parts, std::string left,
                          std::size_t columns) {
  constexpr std::size_t kBeforeTime = 2;  // parts that are worth more than the time left
  std::string line = join(percentage, parts, left);
  while (display_width(line) > columns) {
    if (parts.size() > (left.empty() ? 1 : kBeforeTime)) {
      parts.pop_back();
    } else if (!left.empty()) {
      left.clear();
    } else {
      line = join("", parts, "");
      return std::string(clip_to_columns(line, columns));
    }
    line = join(percentage, parts, left);
  }
  return line;
}

Progress::Progress(const CommonOptions& common) : start_(Clock::now()), last_(start_) {
  terminal_ = is_terminal(STDERR_FILENO);
  enabled_ =
      common.progress == ProgressMode::always || (common.progress == ProgressMode::automatic && terminal_ && !common.quiet);
}

Progress::~Progress() {
  if (drawn_ && terminal_) write_error_output("\n");
}

bool Progress::due() const {
  if (!enabled_) return false;
  const auto interval = terminal_ ? Clock::duration(kRedrawInterval) : Clock::duration(kLogInterval);
  return Clock::now() - last_ >= interval || (terminal_ && !ever_drawn_);
}

void Progress::update(double fraction, const std::vector<std::string>& parts, double begun) {
  if (!due()) return;
  if (fraction <= begun || fraction > 1) return draw("", parts, "");
  const Seconds elapsed = Clock::now() - start_;
  const Seconds remaining = elapsed * ((1 - fraction) / (fraction - begun));
  draw(align_right(fixed_text(100 * fraction, 0), 3) + "%", parts, format_duration(remaining) + " left");
}

void Progress::finish(const std::vector<std::string>& parts) {
  if (!enabled_) return;
  draw("", parts, "");
  if (terminal_) write_error_output("\n");
  drawn_ = false;
  enabled_ = false;
}

void Progress::clear() {
  if (drawn_ && terminal_) write_error_output("\r\033[K");
  drawn_ = false;
}

void Progress::draw(const std::string& percentage, const std::vector<std::string>& parts, const std::string& left) {
  std::vector<std::string> shown;
  for (const std::string& part : parts) shown.push_back(printable(part));
  if (terminal_) {
    write_error_output("\r" + progress_line(percentage, shown, left, terminal_columns() - 1) + "\033[K");
  } else {
    write_error_output(join(percentage, shown, left) + "\n");
  }
  drawn_ = true;
  ever_drawn_ = true;
  last_ = Clock::now();
}

}  // namespace lm::cmd
