#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "options.h"

namespace lm::cmd {
namespace {

using namespace std::chrono_literals;
constexpr auto kRedrawInterval = 100ms;  // on a terminal
constexpr auto kLogInterval = 10s;       // elsewhere

std::size_t terminal_columns() {
  struct winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

/// At most `columns` characters, never half of one (UTF-8 continuation bytes do not count).
std::string_view clip(std::string_view text, std::size_t columns) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (count++ == columns) return text.substr(0, at);
  }
  return text;
}

void write_error_output(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

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

void Progress::update(double fraction, std::string_view text, double begun) {
  if (!due()) return;
  std::string line(text);
  const Seconds elapsed = Clock::now() - start_;
  if (fraction > begun && fraction <= 1) {
    const Seconds remaining = elapsed * ((1 - fraction) / (fraction - begun));
    char share[16];
    std::snprintf(share, sizeof share, "%3.0f%% ", 100 * fraction);
    line = share + line + ", " + format_duration(remaining) + " left";
  }
  draw(line);
}

void Progress::finish(std::string_view text) {
  if (!enabled_) return;
  draw(text);
  if (terminal_) write_error_output("\n");
  drawn_ = false;
  enabled_ = false;
}

void Progress::clear() {
  if (drawn_ && terminal_) write_error_output("\r\033[K");
  drawn_ = false;
}

void Progress::draw(std::string_view text) {
  if (terminal_) {
    write_error_output("\r" + std::string(clip(text, terminal_columns() - 1)) + "\033[K");
  } else {
    write_error_output(std::string(text) + "\n");
  }
  drawn_ = true;
  ever_drawn_ = true;
  last_ = Clock::now();
}

}  // namespace lm::cmd
