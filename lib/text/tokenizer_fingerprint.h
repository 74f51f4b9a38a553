// The identity of a tokenizer, which token streams and models carry: lm-tokenizer(5).
#pragma once

#include "base/hash.h"
#include "text/tokenizer_tables.h"

namespace lm {

/// Returns the hash of all that decides which ids a text gets. A tokenizer that version 1 could describe (byte-level BPE with
/// one of the first patterns, a token for each byte and nothing else) has version 1's.
Fingerprint fingerprint_of(const TokenizerTables& tables);

}  // namespace lm
