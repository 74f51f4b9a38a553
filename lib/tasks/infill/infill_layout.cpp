#include "tasks/infill/infill_layout.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "objectives/mixture.h"

namespace lm {
namespace {

using TokenNames = std::array<std::string, 3>;

/// Returns the names of the layout's three tokens; empty ones that a configuration would have and does not.
TokenNames names_of(const FimLayout& layout, const Tokenizer& tokenizer) {
  if (!layout.is_configured) return {layout.tokens[0], layout.tokens[1], layout.tokens[2]};
  TokenNames names;
  if (tokenizer.config_json().empty()) return names;
  const JsonValue config = JsonValue::parse(tokenizer.config_json(), "tokenizer_config.json");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const JsonValue* value = config.find(layout.tokens[i]);
    if (value != nullptr && value->if_object() != nullptr) value = value->find("content");  // an AddedToken
    if (value != nullptr && value->if_string() != nullptr) names[i] = *value->if_string();
  }
  return names;
}

bool has_tokens(const Tokenizer& tokenizer, const TokenNames& names) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) { return tokenizer.id_of(name).has_value(); });
}

bool was_trained_here(const ModelRecord& record) {
  return parse_mixture(record.objective).trains("fim") || !record.progress.empty();
}

[[noreturn]] void refuse_infilling(const TextModel& model, const std::string& why) {
  throw Error("cannot fill in the middle with '" + model.path() + "': " + why);
}

[[noreturn]] void refuse_without_tokens(const TextModel& model) {
  std::string firsts;
  for (const FimLayout& layout : fim_layouts()) {
    const std::string first = layout.tokens[0];
    if (layout.is_foreign && !layout.is_configured && firsts.find(first) == std::string::npos)
      firsts += (firsts.empty() ? "" : ", ") + first;
  }
  refuse_infilling(model, "its tokenizer has the three tokens of no layout, which begin with one of " + firsts +
                              "; use a model that was trained for it");
}

/// Returns the one layout of models from elsewhere whose tokens the tokenizer has.
const FimLayout& find_foreign_layout(const TextModel& model) {
  const Tokenizer& tokenizer = model.tokenizer;
  std::vector<const FimLayout*> found;
  std::vector<TokenNames> seen;
  for (const FimLayout& layout : fim_layouts()) {
    if (!layout.is_foreign || (layout.mark != nullptr && !tokenizer.id_of(layout.mark))) continue;
    const TokenNames names = names_of(layout, tokenizer);
    if (!has_tokens(tokenizer, names)) continue;
    const auto same = std::find(seen.begin(), seen.end(), names);
    // What the configuration names counts most, as in llama.cpp.
    if (layout.is_configured) return same == seen.end() ? layout : *found[static_cast<std::size_t>(same - seen.begin())];
    if (same != seen.end()) continue;
    seen.push_back(names);
    found.push_back(&layout);
  }
  if (found.empty()) refuse_without_tokens(model);
  if (found.size() == 1) return *found.front();
  std::string kinds;
  for (const FimLayout* layout : found)
    kinds += (kinds.empty() ? "" : layout == found.back() ? " and " : ", ") + std::string(layout->name);
  refuse_infilling(model,
                   "its tokenizer has the tokens of several layouts, " + kinds + "; name the model's own with --layout");
}

const FimLayout& choose_layout(const TextModel& model, std::string_view name) {
  if (name != kAutoFimLayout) return find_fim_layout(name);
  return was_trained_here(model.model.record) ? find_fim_layout(kDefaultFimLayout) : find_foreign_layout(model);
}

}  // namespace

void require_infilling(const TextModel& model) {
  const ModelRecord& record = model.model.record;
  if (parse_mixture(record.objective).trains("fim")) return;
  if (record.progress.empty()) return;  // not one of ours: nothing says what it was trained for
  throw Error("cannot fill in the middle with '" + model.path() + "': it was trained with the objective '" +
              record.objective + "', which never saw a middle after both ends; train with --objective fim, or " +
              "causal:0.5,fim:0.5");
}

FimTokens find_fim_tokens(const Tokenizer& tokenizer, const FimLayout& layout, std::string_view source) {
  const TokenNames names = names_of(layout, tokenizer);
  std::array<TokenId, 3> ids{};
  std::string missing;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (const std::optional<TokenId> id = tokenizer.id_of(names[i])) {
      ids[i] = *id;
    } else {
      missing += (missing.empty() ? "" : ", ") + (names[i].empty() ? layout.tokens[i] : names[i]);
    }
  }
  if (!missing.empty()) {
    throw Error("cannot fill in the middle with '" + std::string(source) + "': its tokenizer lacks " + missing +
                " of the layout '" + layout.name + "'");
  }
  return {.prefix = ids[0], .suffix = ids[1], .middle = ids[2]};
}

std::vector<TokenId> InfillLayout::prompt(std::span<const TokenId> prefix, std::span<const TokenId> suffix) const {
  std::vector<TokenId> ids = arrange_fim(*layout, tokens, prefix, suffix, {});
  ids.insert(ids.begin(), opening.begin(), opening.end());
  return ids;
}

std::vector<TokenId> InfillLayout::encode_suffix(const Tokenizer& tokenizer, std::string_view text) const {
  if (!layout->bare_suffix) return tokenizer.encode(text);
  // A character that joins nothing takes the space, and is taken off again, as the owners of the layout do.
  const std::string sign = "\u263A";
  std::vector<TokenId> ids = tokenizer.encode(sign + std::string(text));
  const std::vector<TokenId> taken = tokenizer.encode(sign);
  if (!std::equal(taken.begin(), taken.end(), ids.begin(), ids.begin() + std::min(std::ssize(taken), std::ssize(ids))))
    return tokenizer.encode(text);
  ids.erase(ids.begin(), ids.begin() + std::ssize(taken));
  return ids;
}

InfillLayout infill_layout(const TextModel& model, std::string_view name) {
  InfillLayout result{.layout = &choose_layout(model, name),
                      .tokens = {},
                      .opening = {},
                      .ends = model.ends(),
                      .allowed = model.samplable()};
  require_infilling(model);
  const FimLayout& layout = *result.layout;
  const Tokenizer& tokenizer = model.tokenizer;
  result.tokens = find_fim_tokens(tokenizer, layout, model.path());
  const std::array<TokenId, 3> tokens = {result.tokens.prefix, result.tokens.suffix, result.tokens.middle};
  model.require_embedded(tokens, "the layout '" + std::string(layout.name) + "'");
  result.opening = layout.is_foreign ? tokenizer.stated_begin() : tokenizer.opening();
  for (const TokenId token : tokens) result.allowed[token] = 0;
  for (const char* end : layout.ends) {
    const std::optional<TokenId> id = tokenizer.id_of(end);
    if (!id || *id >= model.config().vocab_size) continue;
    add_end(result.ends, *id);
    result.allowed[*id] = 1;
  }
  return result;
}

}  // namespace lm
