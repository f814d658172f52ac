// Code points as the reference sees them. The tables are generated from Python and its `regex`
// module (tables/make_tables.py), whose Unicode versions differ from each other and from any
// system library's; ids depend on both, so they are part of the source.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace glint {

// Which alternative of CLIP's word pattern a code point can be part of.
enum class CharClass {
  kLetter,  // [\p{L}]
  kNumber,  // [\p{N}]
  kOther,   // [^\s\p{L}\p{N}]
  kNone,    // none: \s, and U+0345, whose other cases are iotas: where letter case is ignored,
            // `regex` counts it neither as a letter nor as part of the complement
};
CharClass char_class(char32_t c);

// The same of a code point below 128.
constexpr CharClass ascii_class(char32_t c) {
  if ((c | 0x20) >= U'a' && (c | 0x20) <= U'z') return CharClass::kLetter;
  if (c >= U'0' && c <= U'9') return CharClass::kNumber;
  return c == U' ' || (c >= 0x09 && c <= 0x0D) ? CharClass::kNone : CharClass::kOther;
}

// str.isspace(), by which str.split() splits: what \s matches, and U+001C to U+001F.
bool is_space(char32_t c);

// One code point lower-cased by the simple mapping; U+0130 and the final sigma are not simple and
// belong to lower_case() in clean.h.
char32_t simple_lower(char32_t c);

// The two properties that the final sigma rule asks for: cased and not case-ignorable; ignorable.
bool is_cased(char32_t c);
bool is_case_ignorable(char32_t c);

// The code point of the well-formed sequence at `at`, which moves behind it; none: there is none,
// and `at` moves behind the maximal invalid part.
std::optional<char32_t> next_code_point(std::string_view bytes, std::size_t& at);

// bytes.decode("utf-8", "replace"): each maximal invalid part becomes one U+FFFD.
std::u32string decode_utf8(std::string_view bytes);

void append_utf8(char32_t c, std::string& out);
std::string encode_utf8(std::u32string_view text);

}  // namespace glint
