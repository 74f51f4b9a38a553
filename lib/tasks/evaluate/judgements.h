// Judgements: how often a model prefers what is right, by how much, and how certain both numbers are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fixed_sum.h"
#include "base/json.h"
#include "stats/mean.h"

namespace lm {

/// What an item says of itself.
struct ItemLabels {
  std::string kind = {}, phenomenon = {};  // may be empty; a phenomenon is one of a kind
  std::optional<std::string> group = {};   // items of one kind and group depend on each other
};
/// Returns the members `kind`, `phenomenon` (strings) and `group` (a string or a whole number) of a record, each of which may be
/// missing. Throws Error naming `source`.
ItemLabels labels_of(const JsonValue& record, const std::string& source);
/// Returns the first of the members that a record has, or null.
const JsonValue* find_any(const JsonValue& record, const std::vector<std::string_view>& names);
/// Returns a string of a record, under the first of the names that it has. Throws Error naming `source` and all of the names.
const std::string& string_of(const JsonValue& record, const std::vector<std::string_view>& names, const std::string& source);

/// An item, and what the model made of it.
struct Judgement {
  std::int64_t number = 0;  // of the item, from 0
  ItemLabels labels = {};
  std::string text = {};            // with the right candidate
  std::vector<double> scores = {};  // of the candidates; of a last word: its log p
  std::int64_t answer = 0;          // which of them is right
  std::int64_t tokens = 0;          // of a last word
  bool cut = false;                 // the beginning of the context did not fit
  double right = 0;                 // 1, or 0, or 0.5 for a tie
  double margin = 0;                // the right candidate's score less the best other one's; of a last word none
};
/// Sets `right` and `margin` by the scores, of which there are at least two.
void judge(Judgement& judgement);

/// A fraction with its 95 % interval; NaN if that is not known.
struct Rate {
  double value = 0;
  Interval interval;
};

/// Sums over items, or over groups of them. Memory: three numbers an item or group, and the groups' names.
class Tally {
 public:
  void add(const Judgement& judgement);
  std::int64_t items() const { return items_; }
  /// Returns the number of groups, an item without one counting as its own; nothing if no item has one.
  std::optional<std::int64_t> groups() const;
  /// The fraction of right items. Its interval is Wilson's or, if there are groups, that of the ratio of sums over these
  /// (estimate_ratio), inside [0, 1]; if they all have the same fraction, or there is one only, Wilson's for as many.
  Rate accuracy() const;
  /// The mean margin in nats, its interval from sums over items or groups.
  Estimate margin() const { return estimate_ratio(margins_, sizes_); }
  /// Returns the mean of 1 / candidates: the accuracy of a guess; NaN of none.
  double chance() const { return mean_of(chances_); }
  /// Returns the mean of the log p of last words; NaN of none.
  double mean_log_p() const { return mean_of(log_p_.value()); }
  std::int64_t tokens() const { return tokens_; }
  double nats() const { return -log_p_.value(); }

 private:
  double mean_of(double sum) const;
  std::unordered_map<std::string, std::size_t> places_;  // of the groups, in the vectors
  std::vector<double> sizes_, rights_, margins_;         // sums over each item without a group, and each group
  std::int64_t items_ = 0, tokens_ = 0;
  double right_ = 0, chances_ = 0;
  FixedSum log_p_;
};

/// All items together, by kind, and by phenomenon, in the order in which these first occur.
class Judgements {
 public:
  struct Row {
    std::string kind, phenomenon;
    Tally tally = {};
  };
  void add(const Judgement& judgement);
  const Tally& total() const { return total_; }
  std::int64_t cut() const { return cut_; }
  const std::vector<Row>& by_kind() const { return kinds_.rows; }
  const std::vector<Row>& by_phenomenon() const { return phenomena_.rows; }

 private:
  struct Table {
    std::vector<Row> rows;
    std::map<std::pair<std::string, std::string>, std::size_t> places;
    void add(const std::string& kind, const std::string& phenomenon, const Judgement& judgement);
  };
  Tally total_;
  Table kinds_, phenomena_;
  std::int64_t cut_ = 0;
};

}  // namespace lm
