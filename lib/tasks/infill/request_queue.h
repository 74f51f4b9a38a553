// Requests as lines of an input, read while others are answered, and which of them later ones replace.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/text_input.h"

namespace lm {

/// The most bytes that a request's line may have.
constexpr std::size_t kMaximumRequest = std::size_t{16} << 20;
/// The most requests that wait, and the most bytes of them; beyond, nothing is read until one is answered.
constexpr std::size_t kMaximumWaiting = 256;
constexpr std::size_t kMaximumWaitingBytes = std::size_t{64} << 20;

/// Reads the lines of an input, as they come, in bounded memory.
class LineReader {
 public:
  LineReader(TextInput& input, std::size_t maximum);
  enum class Line { line, too_long, end };
  /// Reads the next line without its newline; of one that is too long nothing is kept. A last line may lack its newline.
  /// Ends, too, once `wake` is readable, if that is an open descriptor.
  Line next(std::string& line, int wake = -1);

 private:
  bool fill(int wake);
  TextInput& input_;
  std::size_t maximum_;
  std::string buffer_;
  std::size_t start_ = 0;  // of what is unread in buffer_
};

/// What a request says of itself and another, each as it is written there, since a number may mean more to its sender than a
/// double holds.
struct RequestNames {
  std::optional<JsonText> id = {}, replaces = {};
};
/// Returns those of a line that is an object, even one with a key twice; nothing if it is no JSON.
RequestNames names_of_line(std::string_view line);

/// Reads requests in a thread of its own, so that one that replaces another is seen while that is answered. Empty lines are
/// none.
class RequestQueue {
 public:
  /// Starts to read. The input outlives it. A request that is not right, which is asked in the reader's thread, replaces none.
  explicit RequestQueue(TextInput& input, std::function<bool(std::string_view line)> is_right = {});
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;
  /// Stops reading, even of an input that is still open (except a compressed one, whose end is waited for).
  ~RequestQueue();

  struct Request {
    bool too_long = false;  // then nothing else is known of it
    std::string line = {};  // empty if it was replaced while it waited
    std::optional<JsonText> id = {};
  };
  /// Waits for the next request, in their order; nothing at the end of the input. Throws what reading threw.
  std::optional<Request> next();
  /// Returns whether a later request has replaced the one that next() gave last.
  bool is_replaced() const { return replaced_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    Request request;
    bool replaced = false;
  };
  void read_all();
  bool add(Entry entry, const std::optional<JsonText>& replaces);
  void replace(const JsonText& id);

  TextInput& input_;
  std::function<bool(std::string_view line)> is_right_;
  FileDescriptor wake_, waking_;  // of a pipe: readable once the reader is to stop, and the end that makes it so
  std::mutex mutex_;              // of what follows
  std::condition_variable changed_;
  std::deque<Entry> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::optional<JsonText> current_;  // the id of the request that next() gave last
  bool ended_ = false, stopping_ = false;
  std::exception_ptr error_;
  std::atomic<bool> replaced_ = false;  // the request that next() gave last
  std::thread reader_;
};

}  // namespace lm
