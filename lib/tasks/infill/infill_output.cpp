#include "tasks/infill/infill_output.h"

#include <string>
#include <string_view>

#include "base/json.h"

namespace lm {
namespace {

void write_json(Infiller& infiller, const InfillText& text, std::int64_t number, bool full, OutputStream& output) {
  std::string middle;
  const Infill infill = infiller.sample(number, [&](std::string_view piece) { middle += piece; });
  JsonValue json;
  json.set("sample", number).set("middle", middle).set("tokens", infill.tokens).set("end", to_string(infill.end));
  if (full) json.set("text", std::string(text.prefix) + middle + std::string(text.suffix));
  output.write(json.dump() + "\n");
  output.flush();
}

void write_text(Infiller& infiller, const InfillText& text, std::int64_t number, bool full, OutputStream& output) {
  if (full) output.write(text.prefix);
  output.flush();
  infiller.sample(number, [&](std::string_view piece) {
    output.write(piece);
    output.flush();  // somebody may be reading along
  });
  if (full) output.write(text.suffix);
}

}  // namespace

void write_middles(Infiller& infiller, const InfillText& text, const InfillOutput& options, OutputStream& output) {
  for (std::int64_t number = 0; number < options.samples; ++number) {
    if (options.json) {
      write_json(infiller, text, number, options.full, output);
      continue;
    }
    if (number > 0) output.write("\n");
    write_text(infiller, text, number, options.full, output);
    if (options.ends_line) output.write("\n");
  }
}

}  // namespace lm
