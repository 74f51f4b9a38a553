// Text on its way out: whole characters only, and nothing from a stop string on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lm {

/// Takes the bytes of a text as its tokens come and hands on what is certain to be printed: characters that are complete,
/// before anything that may yet become a stop string. What is not UTF-8 is handed on as U+FFFD, one for each maximal invalid
/// part.
class TextStream {
 public:
  using Write = std::function<void(std::string_view text)>;
  /// Stop strings are any bytes; empty ones are ignored.
  TextStream(std::vector<std::string> stops, Write write);

  /// Begins with bytes of a character that the text may complete; stop strings do not match in them.
  void begin(std::string_view unfinished_character);
  /// Returns false once a stop string is complete: what was before it has been handed on, and nothing more is taken.
  bool feed(std::string_view bytes);
  /// Ends the text: what was held back for stop strings goes out, but nothing of a character that was not completed.
  void finish();

  /// Returns how many bytes were fed, or with a stop string those before it: where the text ends.
  std::int64_t size() const { return size_; }

 private:
  std::size_t find_stop() const;
  std::size_t possible_stop() const;
  void hand_on(std::size_t count);

  std::vector<std::string> stops_;
  Write write_;
  std::string held_;
  std::size_t unmatched_ = 0;  // bytes at the start of held_ that stop strings do not match in
  std::int64_t size_ = 0;
  bool stopped_ = false;
};

}  // namespace lm
