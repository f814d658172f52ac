// Repairs of bytes that mojibake was turned back into, and their decoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glint::ftfy {

// Puts back byte A0 where a space stands for it within a UTF-8 sequence (fixes.py,
// restore_byte_a0). Bytes without such a sequence (chardata.py, ALTERED_UTF8_RE) stay as they are.
std::string restore_byte_a0(std::string_view bytes);

// UTF-8 and CESU-8 sequences in which byte 1A or "?" stands for a lost one become U+FFFD, as does
// every other byte 1A (fixes.py, replace_lossy_sequences).
std::string replace_lossy_sequences(std::string_view bytes);

// UTF-8, or, where a byte ED or C0 occurs, the codec "utf-8-variants"
// (bad_codecs/utf8_variants.py): also pairs of CESU-8 surrogates and Java's two-byte null. None:
// the bytes are neither.
std::optional<std::u32string> decode_utf8_variants(std::string_view bytes);

}  // namespace glint::ftfy
