#include "tasks/infill/request_queue.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace lm {
namespace {

/// Returns where the value, or key, that begins at `start` of valid JSON ends: before the comma, colon or bracket that
/// follows.
std::size_t end_of_value(std::string_view json, std::size_t start) {
  std::int64_t depth = 0;
  bool quoted = false;
  for (std::size_t i = start; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']')) {
      return i;
    } else {
      quoted = c == '"';
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    }
  }
  return json.size();
}

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

/// Returns the names that a request has, which is a valid object.
RequestNames names_of(std::string_view request) {
  RequestNames names;
  std::size_t start = request.find('{') + 1;
  while (start < request.size()) {
    const std::size_t colon = end_of_value(request, start);
    if (colon == request.size() || request[colon] != ':') break;  // no member at all
    const std::size_t end = end_of_value(request, colon + 1);
    const JsonValue key = JsonValue::parse(without_space(request.substr(start, colon - start)), "request");
    std::optional<JsonText>* const name = *key.if_string() == "id"         ? &names.id
                                          : *key.if_string() == "replaces" ? &names.replaces
                                                                           : nullptr;
    if (name != nullptr && !*name) *name = JsonText{std::string(without_space(request.substr(colon + 1, end - colon - 1)))};
    start = end + 1;
  }
  return names;
}

/// What a request takes of the room for those that wait.
std::size_t size_of(const RequestQueue::Request& request) { return request.line.size(); }

}  // namespace

RequestNames names_of_line(std::string_view line) {
  if (!without_space(line).starts_with('{')) return {};
  try {
    AnyJson any;
    parse_json_events(line, "request", any);
  } catch (const Error&) {
    return {};
  }
  return names_of(line);
}

LineReader::LineReader(TextInput& input, std::size_t maximum) : input_(input), maximum_(maximum) {}

/// Appends what has come to the buffer. Returns false at the end of the input, or once `wake` is readable.
bool LineReader::fill(int wake) {
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  buffer_.erase(0, std::exchange(start_, 0));
  if (wake >= 0 && !input_.wait(wake)) return false;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  const std::size_t count = input_.read_once(buffer_.data() + before, kChunk);
  buffer_.resize(before + count);
  return count > 0;
}

LineReader::Line LineReader::next(std::string& line, int wake) {
  line.clear();
  bool too_long = false;
  bool any = false;
  std::size_t searched = start_;
  for (;;) {
    const std::size_t newline = buffer_.find('\n', searched);
    const std::size_t end = newline == std::string::npos ? buffer_.size() : newline;
    any = any || end > start_ || newline != std::string::npos;
    too_long = too_long || end - start_ > maximum_;
    if (newline != std::string::npos || too_long) {
      if (!too_long) line.assign(buffer_, start_, end - start_);
      start_ = newline == std::string::npos ? end : end + 1;
      if (newline != std::string::npos) return too_long ? Line::too_long : Line::line;
    }
    searched = end - start_;  // once fill() has moved what is unread to the front
    if (fill(wake)) continue;
    if (!any) return Line::end;
    line.assign(too_long ? std::string() : buffer_);
    buffer_.clear();
    return too_long ? Line::too_long : Line::line;
  }
}

RequestQueue::RequestQueue(TextInput& input, std::function<bool(std::string_view line)> is_right)
    : input_(input), is_right_(std::move(is_right)) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
  wake_ = FileDescriptor(above_standard(ends[0]), "a pipe");
  waking_ = FileDescriptor(above_standard(ends[1]), "a pipe");
  if (wake_.get() < 0 || waking_.get() < 0) throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
  reader_ = std::thread([this] { read_all(); });
}

RequestQueue::~RequestQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  waking_ = FileDescriptor();  // closed, so that the other end is readable
  reader_.join();
}

void RequestQueue::read_all() {
  std::exception_ptr error;
  try {
    LineReader lines(input_, kMaximumRequest);
    std::string line;
    for (;;) {
      const LineReader::Line kind = lines.next(line, wake_.get());
      if (kind == LineReader::Line::end) break;
      if (kind == LineReader::Line::line && without_space(line).empty()) continue;
      RequestNames names = names_of_line(line);  // of one that is too long nothing is left
      const bool too_long = kind == LineReader::Line::too_long;
      if (names.replaces && is_right_ && !is_right_(line)) names.replaces.reset();
      if (!add({.request = {.too_long = too_long, .line = line, .id = std::move(names.id)}}, names.replaces)) break;
    }
  } catch (...) {
    error = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  ended_ = true;
  changed_.notify_all();
}

/// Marks the requests of that id that wait or are being answered.
void RequestQueue::replace(const JsonText& id) {
  const auto is_it = [&](const std::optional<JsonText>& other) { return other && other->text == id.text; };
  if (is_it(current_)) replaced_.store(true, std::memory_order_relaxed);
  for (Entry& entry : waiting_) {
    if (!is_it(entry.request.id) || entry.replaced) continue;
    entry.replaced = true;
    waiting_bytes_ -= size_of(entry.request);
    entry.request.line = std::string();
  }
}

/// Adds a request once there is room for it; what it replaces need not wait for that. Returns false if reading is to stop.
bool RequestQueue::add(Entry entry, const std::optional<JsonText>& replaces) {
  std::unique_lock lock(mutex_);
  if (replaces) replace(*replaces);
  const std::size_t size = size_of(entry.request);
  changed_.wait(lock, [&] {
    const bool fits = waiting_.size() < kMaximumWaiting && waiting_bytes_ + size <= kMaximumWaitingBytes;
    return stopping_ || waiting_.empty() || fits;
  });
  if (stopping_) return false;
  waiting_bytes_ += size;
  waiting_.push_back(std::move(entry));
  changed_.notify_all();
  return true;
}

std::optional<RequestQueue::Request> RequestQueue::next() {
  std::unique_lock lock(mutex_);
  current_.reset();
  changed_.wait(lock, [&] { return !waiting_.empty() || ended_; });
  if (waiting_.empty()) {
    if (error_) std::rethrow_exception(error_);
    return std::nullopt;
  }
  Entry entry = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= size_of(entry.request);
  current_ = entry.request.id;
  replaced_.store(entry.replaced, std::memory_order_relaxed);
  changed_.notify_all();
  return std::move(entry.request);
}

}  // namespace lm
