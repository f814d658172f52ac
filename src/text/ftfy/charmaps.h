// The one-byte encodings that ftfy looks for mojibake in (ftfy chardata.py, CHARMAP_ENCODINGS).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glint::ftfy {

// In the order in which they are tried. The sloppy ones give an undefined byte the character of
// the same number, and byte 1A to U+FFFD.
enum class Charmap {
  kLatin1,
  kSloppyWindows1252,
  kSloppyWindows1251,
  kSloppyWindows1250,
  kSloppyWindows1253,
  kSloppyWindows1254,
  kSloppyWindows1257,
  kIso8859_2,
  kMacRoman,
  kCp437,
};
inline constexpr int kCharmaps = 10;

bool is_sloppy(Charmap map);

// The encodings that have all characters of a text: bit k is Charmap k.
std::uint32_t possible_charmaps(std::u32string_view text);

// The bytes of a text in one of its possible encodings.
std::string encode(std::u32string_view text, Charmap map);

// The Windows-1252 character of a C1 control; none: its byte is undefined.
std::optional<char32_t> windows1252(char32_t c1_control);

inline bool is_c1_control(char32_t c) { return c >= 0x80 && c <= 0x9F; }

}  // namespace glint::ftfy
