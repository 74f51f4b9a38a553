#include "tasks/plot/table.h"

#include "base/error.h"
#include "base/number_text.h"
#include "base/printable.h"

namespace lm {
namespace {

std::string cell(const JsonValue& value) {
  if (const std::string* text = value.if_string()) {
    std::string doubled;
    for (const char c : *text) doubled.append(c == '\\' ? 2 : 1, c);
    return printable(doubled);
  }
  if (const std::int64_t* integer = value.if_integer()) return std::to_string(*integer);
  double number = 0;
  return value.to_double(number) ? exact_text(number) : "nan";
}

}  // namespace

std::string to_tsv(const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) text += (i > 0 ? "\t" : "") + table.columns[i];
  text += "\n";
  for (const std::vector<JsonValue>& row : table.rows) {
    LM_CHECK(row.size() == table.columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) text += (i > 0 ? "\t" : "") + cell(row[i]);
    text += "\n";
  }
  return text;
}

std::string to_json_lines(const Table& table) {
  std::string text;
  for (const std::vector<JsonValue>& row : table.rows) {
    LM_CHECK(row.size() == table.columns.size());
    JsonValue::Object object;
    for (std::size_t i = 0; i < row.size(); ++i) object.emplace_back(table.columns[i], row[i]);
    text += JsonValue(std::move(object)).dump() + "\n";
  }
  return text;
}

}  // namespace lm
