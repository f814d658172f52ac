// Unicode normalization form C, as Python's unicodedata.normalize("NFC", ...) gives it.
#pragma once

#include <string>

namespace glint {

std::u32string normalize_nfc(std::u32string text);

}  // namespace glint
