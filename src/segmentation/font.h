// Letters of 5 x 8 dots, for what is written on pictures.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace glint {

inline constexpr std::int64_t kLetterWidth = 5;   // dots; one more to the next letter
inline constexpr std::int64_t kLetterHeight = 8;  // the lowest for what hangs down

// Columns from the left; bit 0 is the upper dot. A box for what is not printable ASCII.
const std::array<std::uint8_t, kLetterWidth>& letter(char c);

// UTF-8 with one character for each code point: those beyond ASCII, and control characters, become
// '\x7f', which has a box.
std::string ascii_form(std::string_view text);

}  // namespace glint
