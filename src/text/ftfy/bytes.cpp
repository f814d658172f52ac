#include "text/ftfy/bytes.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "text/unicode.h"

namespace glint::ftfy {
namespace {

// Byte patterns are written as strings of one letter a place:
//   A any byte of 80-BF but 85 and A0    C 80-BF    s a space
//   L 1A (a lost byte)   Q 1A or "?"     X 1A or 80-BF   Y 1A, "?" or 80-BF
//   q "?"   E ED   h A0-AF (the second byte of a high surrogate)   l B0-BF (of a low one)
bool fits(char letter, unsigned char byte) {
  const bool continuation = byte >= 0x80 && byte <= 0xBF;
  switch (letter) {
    case 'A':
      return continuation && byte != 0x85 && byte != 0xA0;
    case 'C':
      return continuation;
    case 's':
      return byte == ' ';
    case 'L':
      return byte == 0x1A;
    case 'Q':
      return byte == 0x1A || byte == '?';
    case 'X':
      return byte == 0x1A || continuation;
    case 'Y':
      return byte == 0x1A || byte == '?' || continuation;
    case 'q':
      return byte == '?';
    case 'E':
      return byte == 0xED;
    case 'h':
      return byte >= 0xA0 && byte <= 0xAF;
    case 'l':
      return byte >= 0xB0 && byte <= 0xBF;
    default:
      return false;
  }
}

// Lead bytes, given by the first and last, and what may follow them.
struct Pattern {
  unsigned char first;
  unsigned char last;
  std::string_view rest;
};

bool fits(const Pattern& pattern, std::string_view bytes) {
  if (bytes.size() <= pattern.rest.size()) return false;
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < pattern.first || lead > pattern.last) return false;
  return std::equal(
      pattern.rest.begin(), pattern.rest.end(), bytes.begin() + 1,
      [](char letter, char byte) { return fits(letter, static_cast<unsigned char>(byte)); });
}

// Length of the first pattern that matches the front of `bytes`; 0: none does.
template <std::size_t N>
std::size_t match(const std::array<Pattern, N>& patterns, std::string_view bytes) {
  for (const Pattern& pattern : patterns) {
    if (fits(pattern, bytes)) return 1 + pattern.rest.size();
  }
  return 0;
}

// ALTERED_UTF8_RE.
constexpr auto kAltered = std::to_array<Pattern>({{0xC2, 0xC3, "s"},
                                                  {0xC5, 0xC5, "s"},
                                                  {0xCE, 0xCE, "s"},
                                                  {0xD0, 0xD0, "s"},
                                                  {0xD9, 0xD9, "s"},
                                                  {0xE2, 0xE3, "sA"},
                                                  {0xE0, 0xE3, "As"},
                                                  {0xF0, 0xF0, "sCC"},
                                                  {0xF0, 0xF0, "CsC"},
                                                  {0xF0, 0xF0, "CCs"}});

// LOSSY_UTF8_RE.
constexpr auto kLossy = std::to_array<Pattern>({{0xC2, 0xDF, "L"},
                                                {0xC2, 0xC3, "q"},
                                                {0xED, 0xED, "hQElY"},
                                                {0xED, 0xED, "hYElQ"},
                                                {0xE0, 0xEF, "QX"},
                                                {0xE0, 0xEF, "XQ"},
                                                {0xF0, 0xF4, "QXX"},
                                                {0xF0, 0xF4, "XQX"},
                                                {0xF0, 0xF4, "XXQ"},
                                                {0x1A, 0x1A, ""}});

// A_GRAVE_WORD_RE: byte C3 and a space are the word "a grave", or its Portuguese kin.
bool is_a_grave_word(std::string_view bytes) {
  if (!bytes.starts_with("\xC3 ")) return false;
  const std::string_view after = bytes.substr(2);
  for (const std::string_view exception : {" ", "quele", "quela", "quilo", "s "}) {
    if (after.starts_with(exception)) return false;
  }
  return true;
}

// A pair of CESU-8 surrogates at the front of `bytes`. The reference's pattern also takes a line
// feed that ends the text for the last byte, "$" being what it is, and so do we.
std::optional<char32_t> cesu8(std::string_view bytes) {
  if (bytes.size() < 6) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const bool last = fits('C', at(5)) || (bytes.size() == 6 && bytes[5] == '\n');
  if (at(0) != 0xED || !fits('h', at(1)) || !fits('C', at(2)) || at(3) != 0xED ||
      !fits('l', at(4)) || !last) {
    return std::nullopt;
  }
  return (((at(1) & 0x0Fu) << 16) | ((at(2) & 0x3Fu) << 10) | ((at(4) & 0x0Fu) << 6) |
          (at(5) & 0x3Fu)) +
         0x10000u;
}

// Java's null; here too, a line feed that ends the text is taken for the second byte.
bool is_java_null(std::string_view bytes) {
  return bytes.starts_with("\xC0\x80") || bytes == "\xC0\n";
}

}  // namespace

std::string restore_byte_a0(std::string_view bytes) {
  std::string words;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    words += bytes[i];
    if (is_a_grave_word(bytes.substr(i))) words += '\xA0';
  }
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t length = match(kAltered, std::string_view(words).substr(i));
    const auto from = words.begin() + static_cast<std::ptrdiff_t>(i);
    std::replace(from, from + static_cast<std::ptrdiff_t>(length), ' ', '\xA0');
    i += std::max<std::size_t>(length, 1);
  }
  return words;
}

std::string replace_lossy_sequences(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = match(kLossy, bytes.substr(i));
    if (length > 0) {
      out += "\xEF\xBF\xBD";
    } else {
      out += bytes[i];
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::optional<std::u32string> decode_utf8_variants(std::string_view bytes) {
  std::u32string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::string_view rest = bytes.substr(i);
    if (is_java_null(rest)) {
      out += U'\0';
      i += 2;
    } else if (const auto pair = cesu8(rest)) {
      out += *pair;
      i += 6;
    } else if (const auto c = next_code_point(bytes, i)) {
      out += *c;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace glint::ftfy
