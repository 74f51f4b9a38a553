#include "tasks/infill/infill_requests.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/suggest.h"

namespace lm {
namespace {

constexpr std::string_view kSource = "request";
const std::vector<std::string> kKeys = {"id",    "prefix", "suffix", "n",    "temperature", "top_k",
                                        "top_p", "min_p",  "seed",   "stop", "single_line", "samples"};

/// What a request asks for.
struct Request {
  std::string prefix, suffix;
  InfillOptions options;
  std::int64_t samples = 1;
};

[[noreturn]] void refuse(std::string_view key, const std::string& expected) {
  throw Error("expected " + expected + " for '" + std::string(key) + "'");
}

std::string text_of(const JsonValue& request, std::string_view key) {
  const JsonValue* value = request.find(key);
  if (value == nullptr) throw Error("the request lacks '" + std::string(key) + "'");
  if (value->if_string() == nullptr) refuse(key, "a string");
  return *value->if_string();
}

std::int64_t integer_of(std::string_view key, const JsonValue& value, std::int64_t minimum, std::int64_t maximum) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: whole numbers up to here are exact in a double
  double real = 0;
  std::optional<std::int64_t> number;
  if (value.if_integer() != nullptr) {
    number = *value.if_integer();
  } else if (value.to_double(real) && real == std::floor(real) &&
             std::abs(real) <= kExact) {  // 1.0, as Lua and others write 1
    number = static_cast<std::int64_t>(real);
  }
  if (!number || *number < minimum || *number > maximum) {
    refuse(key, "a whole number from " + std::to_string(minimum) +
                    (maximum == INT64_MAX ? std::string() : " to " + std::to_string(maximum)));
  }
  return *number;
}

double number_of(std::string_view key, const JsonValue& value) {
  double number = 0;
  if (!value.to_double(number)) refuse(key, "a number");
  return number;
}

std::vector<std::string> strings_of(std::string_view key, const JsonValue& value) {
  if (const std::string* one = value.if_string()) return {*one};
  const JsonValue::Array* array = value.if_array();
  if (array == nullptr) refuse(key, "a string, or an array of strings,");
  std::vector<std::string> strings;
  for (const JsonValue& item : *array) {
    if (item.if_string() == nullptr) refuse(key, "a string, or an array of strings,");
    strings.push_back(*item.if_string());
  }
  return strings;
}

/// Sets the number of the sampler's that the key names. Returns whether it names one.
bool set_sampling(SamplingOptions& sampling, std::string_view key, const JsonValue& value) {
  const std::array<std::pair<std::string_view, double*>, 3> numbers = {
      {{"temperature", &sampling.temperature}, {"top_p", &sampling.top_p}, {"min_p", &sampling.min_p}}};
  for (const auto& [name, number] : numbers) {
    if (key == name) *number = number_of(key, value);
    if (key == name) return true;
  }
  if (key != "top_k") return false;
  sampling.top_k = integer_of(key, value, 0, INT64_MAX);
  return true;
}

Request read_request(const JsonValue& json, const InfillOptions& defaults) {
  if (json.if_object() == nullptr) throw Error("a request is an object with the keys prefix and suffix");
  Request request{.prefix = text_of(json, "prefix"), .suffix = text_of(json, "suffix"), .options = defaults};
  for (const auto& [key, value] : *json.if_object()) {
    if (key == "id" || key == "prefix" || key == "suffix") continue;
    if (set_sampling(request.options.sampling, key, value)) continue;
    if (key == "n") {
      request.options.max_tokens = integer_of(key, value, 0, INT64_MAX);
    } else if (key == "seed") {
      request.options.seed = static_cast<std::uint64_t>(integer_of(key, value, 0, INT64_MAX));
    } else if (key == "samples") {
      request.samples = integer_of(key, value, 1, kMaximumSamples);
    } else if (key == "stop") {
      request.options.stops = strings_of(key, value);
      for (const std::string& stop : request.options.stops) {
        if (stop.empty()) refuse(key, "strings that are not empty");
      }
    } else if (key == "single_line") {
      if (value.if_bool() == nullptr) refuse(key, "true or false");
      request.options.single_line = *value.if_bool();
    } else {
      const std::string quoted = json_quote(key);  // a message ends at a NUL
      throw Error("unknown key '" + quoted.substr(1, quoted.size() - 2) + "'" + did_you_mean(similar_words(key, kKeys)));
    }
  }
  return request;
}

void fill_answer(JsonValue& answer, Infiller& infiller, const JsonValue& json, const InfillOptions& defaults) {
  const Request request = read_request(json, defaults);
  infiller.read({.prefix = request.prefix, .suffix = request.suffix}, request.options);
  JsonValue::Array middles;
  std::optional<Infill> first;
  for (std::int64_t number = 0; number < request.samples; ++number) {
    std::string middle;
    const Infill infill = infiller.sample(number, [&](std::string_view text) { middle += text; });
    if (!first) first = infill;
    middles.emplace_back(std::move(middle));
  }
  answer.set("middle", middles.front()).set("tokens", first->tokens).set("end", to_string(first->end));
  if (request.samples > 1) answer.set("middles", std::move(middles));
}

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

/// Returns the id of a request that is a valid object, as it is written there, since a number may mean more to its sender
/// than a double holds; nothing if it has none.
std::optional<JsonText> id_of(std::string_view request) {
  std::size_t start = request.find('{') + 1;
  while (start < request.size()) {
    const std::size_t colon = end_of_value(request, start);
    if (colon == request.size() || request[colon] != ':') break;  // no member at all
    const std::size_t end = end_of_value(request, colon + 1);
    const JsonValue key = JsonValue::parse(without_space(request.substr(start, colon - start)), kSource);
    if (*key.if_string() == "id") return JsonText{std::string(without_space(request.substr(colon + 1, end - colon - 1)))};
    start = end + 1;
  }
  return std::nullopt;
}

/// Takes any document.
class AnyJson : public JsonHandler {
 public:
  void null() override {}
  void boolean(bool) override {}
  void integer(std::int64_t) override {}
  void real(double) override {}
  void string(std::string_view) override {}
  void key(std::string_view) override {}
  void begin_object() override {}
  void end_object() override {}
  void begin_array() override {}
  void end_array() override {}
};

/// Returns the id of a line that is an object, even one with a key twice; nothing if it is no JSON.
std::optional<JsonText> id_of_line(std::string_view line) {
  if (!without_space(line).starts_with('{')) return std::nullopt;
  try {
    AnyJson any;
    parse_json_events(line, kSource, any);
  } catch (const Error&) {
    return std::nullopt;
  }
  return id_of(line);
}

JsonValue error_answer(std::string_view message) {
  JsonValue answer;
  answer.set("error", message);
  return answer;
}

}  // namespace

LineReader::LineReader(TextInput& input, std::size_t maximum) : input_(input), maximum_(maximum) {}

/// Appends what has come to the buffer. Returns false at the end of the input.
bool LineReader::fill() {
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  buffer_.erase(0, std::exchange(start_, 0));
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  const std::size_t count = input_.read_once(buffer_.data() + before, kChunk);
  buffer_.resize(before + count);
  return count > 0;
}

LineReader::Line LineReader::next(std::string& line) {
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
    if (fill()) continue;
    if (!any) return Line::end;
    line.assign(too_long ? std::string() : buffer_);
    buffer_.clear();
    return too_long ? Line::too_long : Line::line;
  }
}

JsonValue answer_request(Infiller& infiller, std::string_view line, const InfillOptions& defaults) {
  JsonValue answer;
  try {
    if (std::optional<JsonText> id = id_of_line(line)) answer.set("id", std::move(*id));
    const JsonValue json = JsonValue::parse(line, kSource);
    fill_answer(answer, infiller, json, defaults);
  } catch (const Error& error) {
    answer.set("error", error.what());
  }
  return answer;
}

void serve_requests(Infiller& infiller, TextInput& input, OutputStream& output, const InfillOptions& defaults) {
  LineReader lines(input, kMaximumRequest);
  std::string line;
  for (;;) {
    const LineReader::Line kind = lines.next(line);
    if (kind == LineReader::Line::end) return;
    if (kind == LineReader::Line::line && without_space(line).empty()) continue;
    const JsonValue answer = kind == LineReader::Line::line
                                 ? answer_request(infiller, line, defaults)
                                 : error_answer("the request is longer than " + std::to_string(kMaximumRequest) + " bytes");
    output.write(answer.dump() + "\n");
    output.flush();
  }
}

}  // namespace lm
