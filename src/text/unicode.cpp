#include "text/unicode.h"

#include <cstdint>
#include <span>

#include "text/ranges.h"

namespace glint {
namespace {

// Every step-th code point from first to last has the lower case c + delta.
struct LowerRun {
  char32_t first;
  char32_t last;
  std::uint8_t step;
  std::int32_t delta;
};

#include "text/tables/unicode.inc"

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kYpogegrammeni = 0x345;

bool contains(std::span<const Range> table, char32_t c) { return find_range(table, c) != nullptr; }

// \s of the pattern, which the four separators below the space do not match.
bool is_pattern_space(char32_t c) { return is_space(c) && !(c >= 0x1C && c <= 0x1F); }

// How many continuation bytes follow a lead byte, and what the first of them may be (Unicode,
// table 3-7); no lead byte has count 0.
struct Lead {
  int count;
  unsigned low;
  unsigned high;
};

Lead lead_of(unsigned byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

CharClass char_class(char32_t c) {
  if (c < 0x80) return ascii_class(c);
  if (contains(kLetters, c)) return CharClass::kLetter;
  if (contains(kNumbers, c)) return CharClass::kNumber;
  return c == kYpogegrammeni || is_pattern_space(c) ? CharClass::kNone : CharClass::kOther;
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == U' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return contains(kSpaces, c);
}

char32_t simple_lower(char32_t c) {
  if (c < 0x80) return c >= U'A' && c <= U'Z' ? c + 32 : c;
  const LowerRun* run = find_range<LowerRun>(kLowerRuns, c);
  if (run == nullptr || (c - run->first) % run->step != 0) return c;
  return static_cast<char32_t>(static_cast<std::int32_t>(c) + run->delta);
}

bool is_cased(char32_t c) { return contains(kCased, c); }
bool is_case_ignorable(char32_t c) { return contains(kIgnorable, c); }

std::optional<char32_t> next_code_point(std::string_view bytes, std::size_t& at) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned byte = byte_at(at++);
  if (byte < 0x80) return byte;
  auto [left, low, high] = lead_of(byte);
  if (left == 0) return std::nullopt;
  char32_t c = byte & (0x3Fu >> left);
  for (; left > 0 && at < bytes.size() && byte_at(at) >= low && byte_at(at) <= high; --left) {
    c = (c << 6) | (byte_at(at++) & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return left == 0 ? std::optional(c) : std::nullopt;
}

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    out += next_code_point(bytes, i).value_or(kReplacement);
  }
  return out;
}

void append_utf8(char32_t c, std::string& out) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(c, out);
  return out;
}

}  // namespace glint
