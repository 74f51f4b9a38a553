#include "tasks/evaluate/read_records.h"

#include <string_view>

#include "base/path.h"
#include "base/text_input.h"
#include "text/documents_json.h"

namespace lm {

void for_each_record(const std::vector<std::string>& paths, const VisitRecord& visit) {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  const std::vector<std::string> inputs = paths.empty() ? std::vector<std::string>{"-"} : paths;
  check_text_inputs(FileUse::text, inputs, Accept::text);
  for (const std::string& path : inputs) {
    JsonRecords records([&](std::string_view record, const std::string& place) {
      const std::string source = place + " of " + input_name(path);
      visit(JsonValue::parse(record, source), source);
    });
    TextInput input(open_input(path), FileUse::text, Accept::text);
    records.begin(input.name());
    std::string buffer(kPiece, '\0');
    while (const std::size_t size = input.read_once(buffer.data(), buffer.size())) records.feed({buffer.data(), size});
    records.end();
  }
}

}  // namespace lm
