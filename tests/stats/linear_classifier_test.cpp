#include "stats/linear_classifier.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace lm {
namespace {

double noise(std::uint64_t i) { return static_cast<double>((2654435761 * i + 12345) % 4294967296) / 2147483648.0 - 1; }

struct Data {
  std::int64_t columns = 0, classes = 0;
  std::vector<std::vector<float>> rows = {};
  std::vector<std::int64_t> labels = {};

  LabelledRows labelled() const {
    return {.rows = [this](const auto& visit) { std::for_each(rows.begin(), rows.end(), visit); },
            .columns = columns,
            .labels = labels,
            .classes = classes};
  }
};

/// As in make_classifier_golden.py.
Data data_of_golden() {
  Data data{.columns = 9, .classes = 3};
  for (std::int64_t i = 0; i < 83; ++i) {
    const std::int64_t label = (i * i + i / 7) % 3;
    std::vector<float> row;
    for (std::int64_t j = 0; j < data.columns; ++j) {
      double value = noise(static_cast<std::uint64_t>(i * data.columns + j)) + (j < 3 && j == label ? 0.7 : 0);
      if (j == 3) value = 4096 + 0.25 * value + (label == 1 ? 0.125 : 0);
      if (j == 4) value = -2.5;
      if (j == 5) value = i == 40 ? 1 : 0;
      row.push_back(static_cast<float>(value));
    }
    data.rows.push_back(row);
    data.labels.push_back(label);
  }
  return data;
}

template <class Numbers>
std::string digits(const Numbers& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += std::to_string(number);
  return text;
}

}  // namespace

TEST_CASE(
    "folds are those of the definition written again, and neighbours are in different ones") {  // make_classifier_golden.py
  std::vector<std::int64_t> folds;
  for (std::int64_t i = 0; i < 40; ++i) folds.push_back(fold_of(i, {}));
  CHECK(digits(folds) == "0423141023130242103414023302142430141320");
  for (std::int64_t first = 0; first < 700; first += 7) {
    std::set<std::int64_t> seen;
    for (std::int64_t i = first; i < first + 7; ++i) seen.insert(fold_of(i, {.folds = 7, .seed = 3}));
    CHECK(seen.size() == 7);
    CHECK(*seen.rbegin() == 6);
  }
}

TEST_CASE("predictions and ridges are those of the definition written again") {  // make_classifier_golden.py
  const Data data = data_of_golden();
  const Classification result = cross_validate(data.labelled());
  CHECK(digits(result.predicted) == "22101002202021020000001100102112011020120200201002120010020000001012201022210000021");
  CHECK(result.ridges == std::vector<double>{0.01, 1.0, 0.01, 10.0, 0.1});
}

TEST_CASE("a label of a fold does not reach the predictions of that fold") {
  const Data data = data_of_golden();
  const Classification before = cross_validate(data.labelled());
  Data changed = data;
  for (std::int64_t i = 0; i < 83; ++i) {
    if (fold_of(i, {}) == 2) changed.labels[static_cast<std::size_t>(i)] = 0;
  }
  const Classification after = cross_validate(changed.labelled());
  bool others_differ = false;
  for (std::int64_t i = 0; i < 83; ++i) {
    const auto place = static_cast<std::size_t>(i);
    if (fold_of(i, {}) == 2) CHECK(after.predicted[place] == before.predicted[place]);
    if (fold_of(i, {}) != 2) others_differ = others_differ || after.predicted[place] != before.predicted[place];
  }
  CHECK(others_differ);
}

TEST_CASE("classes that a plane separates are told apart, whatever the features' scale, and a single column is enough") {
  Data data{.columns = 1, .classes = 2};
  for (int i = 0; i < 60; ++i) {
    data.labels.push_back(i % 2);
    data.rows.push_back({1e6f + (i % 2 == 1 ? 8.0f : 0.0f) + static_cast<float>(i % 3)});
  }
  CHECK(cross_validate(data.labelled()).predicted == data.labels);
}

TEST_CASE("features that say nothing leave the most frequent class") {
  Data data{.columns = 2, .classes = 3};
  for (int i = 0; i < 50; ++i) {
    data.labels.push_back(i % 5 < 3 ? 2 : i % 2);
    data.rows.push_back({3.0f, 0.1f});
  }
  const Classification result = cross_validate(data.labelled());
  CHECK(result.predicted == std::vector<std::int64_t>(50, 2));
}

}  // namespace lm
