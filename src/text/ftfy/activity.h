// Most text needs no repair; one look at each character tells. A byte of bits a code point, in
// pages.
#pragma once

#include <cstdint>
#include <string_view>

namespace glint::ftfy {

inline constexpr unsigned kChangeable = 1;  // a repair, "&" or NFC may change it by itself
inline constexpr unsigned kSuspect = 2;     // every text that is_bad() has one of these
inline constexpr unsigned kMark = 4;        // a combining mark: two in a row may be out of order

// The bits that the characters of a text have, kChangeable also for two marks in a row.
unsigned activity(std::u32string_view text);

}  // namespace glint::ftfy
