// Records of JSON: the lines of JSON lines, or the elements of one JSON array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lm {

/// Cuts an input into records as its bytes come. An input whose first character is '[' is one array, to its end; any other
/// has a record on each line that is not blank. Memory: the longest record.
class JsonRecords {
 public:
  /// Receives a record, which may be no valid JSON, and where it is: "line 3" or "element 3".
  using Visit = std::function<void(std::string_view record, const std::string& place)>;
  explicit JsonRecords(Visit visit) : visit_(std::move(visit)) {}

  /// Starts an input; `source` names it in messages.
  void begin(std::string_view source);
  /// Throws Error for records beyond 1 GiB, and for what is no array of elements with commas between them.
  void feed(std::string_view bytes);
  /// Throws Error if the input ends inside an array.
  void end();

 private:
  enum class Form { unknown, lines, array };

  std::string_view find_form(std::string_view bytes);
  void feed_lines(std::string_view bytes);
  void feed_array(std::string_view bytes);
  std::size_t scan_element(std::string_view bytes);
  void keep(std::string_view piece);
  void take_line();
  void take_element(char delimiter);

  Visit visit_;
  std::string source_;
  Form form_ = Form::unknown;
  std::string record_;       // so far
  std::int64_t number_ = 0;  // of records, or of lines
  std::size_t mark_ = 0;     // bytes of a byte order mark that have come; 3: none can come any more
  std::int64_t depth_ = 0;   // inside an element
  bool in_string_ = false, escaped_ = false;
  bool closed_ = false;  // the array has ended
};

}  // namespace lm
