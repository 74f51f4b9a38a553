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
constexpr std::string_view kReplaced = "replaced";
const std::vector<std::string> kKeys = {"id",    "prefix", "suffix", "n",           "temperature", "top_k",   "top_p",
                                        "min_p", "seed",   "stop",   "single_line", "samples",     "replaces"};

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
    if (key == "id" || key == "replaces" || key == "prefix" || key == "suffix") continue;
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

/// Returns false, with nothing set, if the request was given up.
bool fill_answer(JsonValue& answer, Infiller& infiller, const JsonValue& json, const InfillOptions& defaults) {
  const Request request = read_request(json, defaults);
  const auto is_given_up = [&] { return defaults.is_given_up && defaults.is_given_up(); };
  infiller.read({.prefix = request.prefix, .suffix = request.suffix}, request.options);
  if (is_given_up()) return false;
  JsonValue::Array middles;
  std::optional<Infill> first;
  for (std::int64_t number = 0; number < request.samples; ++number) {
    std::string middle;
    const Infill infill = infiller.sample(number, [&](std::string_view text) { middle += text; });
    if (is_given_up()) return false;
    if (!first) first = infill;
    middles.emplace_back(std::move(middle));
  }
  answer.set("middle", middles.front()).set("tokens", first->tokens).set("end", to_string(first->end));
  if (request.samples > 1) answer.set("middles", std::move(middles));
  return true;
}

/// Returns whether a request can be read, whatever the model then says.
bool is_right(std::string_view line, const InfillOptions& defaults) {
  try {
    read_request(JsonValue::parse(line, kSource), defaults);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

JsonValue answer_request(Infiller& infiller, std::string_view line, const InfillOptions& defaults) {
  JsonValue answer;
  try {
    if (std::optional<JsonText> id = names_of_line(line).id) answer.set("id", std::move(*id));
    const JsonValue json = JsonValue::parse(line, kSource);
    if (!fill_answer(answer, infiller, json, defaults)) answer.set("error", kReplaced);
  } catch (const Error& error) {
    answer.set("error", error.what());
  }
  return answer;
}

void serve_requests(Infiller& infiller, TextInput& input, OutputStream& output, const InfillOptions& defaults) {
  RequestQueue queue(input, [&](std::string_view line) { return is_right(line, defaults); });
  InfillOptions options = defaults;
  options.is_given_up = [&] { return queue.is_replaced(); };
  while (const std::optional<RequestQueue::Request> request = queue.next()) {
    JsonValue answer;
    if (request->too_long) {
      answer.set("error", "the request is longer than " + std::to_string(kMaximumRequest) + " bytes");
    } else if (queue.is_replaced()) {
      answer.set("id", *request->id).set("error", kReplaced);
    } else {
      answer = answer_request(infiller, request->line, options);
    }
    output.write(answer.dump() + "\n");
    output.flush();
  }
}

}  // namespace lm
