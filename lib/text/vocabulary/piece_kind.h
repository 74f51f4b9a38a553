// What a piece of a vocabulary is for, as SentencePiece and GGUF say it.
#pragma once

#include <cstdint>

namespace lm {

enum class PieceKind : std::uint8_t {
  normal,
  unknown,       // stands for what is in no other piece
  control,       // never comes from text
  user_defined,  // matched in text as a whole, before all else
  unused,        // text must not give it
  byte           // "<0x41>": one byte of a character that is in no other piece
};

}  // namespace lm
