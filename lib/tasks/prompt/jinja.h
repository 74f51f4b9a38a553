// The part of Jinja that chat templates need for plain conversations.
#pragma once

#include <string>

#include "base/json.h"
#include "tasks/prompt/jinja_parts.h"

namespace lm {

// Values are strings, whole numbers, booleans, lists and objects; there are if, for, set with namespace(), slices, and a few
// filters, tests and methods. A branch that is not taken may have anything. Work is bounded, whatever the template says.

struct JinjaResult {
  std::string text;
  bool has_raised = false;  // by raise_exception(); `text` is what it said
};

/// Runs a template as transformers do. Throws Error with a predicate, such as "uses | tojson", for what is not known here.
JinjaResult run_jinja(const JinjaTemplate& chat_template, const JsonValue::Object& variables);

}  // namespace lm
