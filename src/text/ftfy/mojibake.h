// Signs that a text is mojibake: UTF-8 that was once decoded with the wrong one-byte encoding.
#pragma once

#include <cstddef>
#include <string_view>

namespace glint::ftfy {

// Whether the text has an unlikely sequence of characters (ftfy badness.py, is_bad).
bool is_bad(std::u32string_view text);

// One stretch of characters that could be UTF-8 sequences; length 0: none.
struct Stretch {
  std::size_t begin;
  std::size_t length;
};

// The first such stretch from `from` on (ftfy chardata.py, UTF8_DETECTOR_RE).
Stretch find_utf8_like(std::u32string_view text, std::size_t from);

}  // namespace glint::ftfy
