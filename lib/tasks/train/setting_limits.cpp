#include "tasks/train/setting_limits.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace lm {

namespace {

template <class Number>
using Entry = std::pair<const char*, Limits<Number>>;

constexpr std::int64_t kLargestSize = std::int64_t{1} << 30;
constexpr std::int64_t kLargestSeed = (std::int64_t{1} << 53) - 1;

constexpr std::array<Entry<std::int64_t>, 13> kIntegers = {{{"layers", {1, 10'000}},
                                                            {"heads", {1, kLargestSize}},
                                                            {"kv-heads", {1, kLargestSize}},
                                                            {"head-dim", {1, kLargestSize}},
                                                            {"channels", {1, kLargestSize}},
                                                            {"ffn", {1, kLargestSize}},
                                                            {"context", {1, kLargestStep}},
                                                            {"batch", {1, kLargestStep}},
                                                            {"micro-batch", {1, kLargestStep}},
                                                            {"warmup", {0, kMostSteps}},
                                                            {"hold", {0, kMostSteps}},
                                                            {"patience", {0, kMostSteps}},
                                                            {"seed", {0, kLargestSeed}}}};

constexpr std::array<Entry<double>, 14> kReals = {{{"dropout", {0, 0.95}},
                                                   {"mask-rate", {0.0001, 1}},
                                                   {"span-density", {0.0001, 0.9999}},
                                                   {"span-length", {1, 1e6}},
                                                   {"fim-rate", {0, 1}},
                                                   {"spm-rate", {0, 1}},
                                                   {"lr", {0, 100}},
                                                   {"min-lr", {0, 100}},
                                                   {"decay-share", {0, 0.9}},
                                                   {"weight-decay", {0, 100}},
                                                   {"momentum", {0, 0.9999999}},
                                                   {"clip", {0, 1e30}},
                                                   {"ema", {0, 0.9999999}},
                                                   {"valid-fraction", {0, 0.9}}}};

template <class Number, std::size_t size>
Limits<Number> find_limits(const std::array<Entry<Number>, size>& table, std::string_view setting) {
  for (const auto& [name, limits] : table) {
    if (setting == name) return limits;
  }
  throw InternalError("a setting without limits: " + std::string(setting));
}

}  // namespace

Limits<std::int64_t> integer_limits(std::string_view setting) { return find_limits(kIntegers, setting); }
Limits<double> real_limits(std::string_view setting) { return find_limits(kReals, setting); }

}  // namespace lm
