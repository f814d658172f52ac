#include "text/ftfy/characters.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>

#include "text/ftfy/charmaps.h"

namespace glint::ftfy {
namespace {

struct Replacement {
  char32_t from;
  char32_t to[3];  // up to the first 0
};

#include "text/tables/characters.inc"

constexpr char32_t kEscape = 0x1B;
constexpr char32_t kNextLine = 0x85;
constexpr char32_t kLineSeparator = 0x2028;
constexpr char32_t kParagraphSeparator = 0x2029;

const Replacement* find(std::span<const Replacement> table, char32_t c) {
  if (c < table.front().from || c > table.back().from) return nullptr;
  const auto row =
      std::lower_bound(table.begin(), table.end(), c,
                       [](const Replacement& entry, char32_t key) { return entry.from < key; });
  return row->from == c ? &*row : nullptr;
}

void append(const Replacement& row, std::u32string& out) {
  for (const char32_t c : row.to) {
    if (c != 0) out += c;
  }
}

// str.translate()
std::u32string translate(std::u32string text, std::span<const Replacement> table) {
  const auto in_table = [&](char32_t c) { return find(table, c) != nullptr; };
  if (std::none_of(text.begin(), text.end(), in_table)) return text;
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    const Replacement* row = find(table, c);
    if (row == nullptr) {
      out += c;
    } else {
      append(*row, out);
    }
  }
  return out;
}

// \d, which is any decimal digit of Unicode.
bool is_digit(char32_t c) {
  const auto* above = std::upper_bound(std::begin(kZeros), std::end(kZeros), c);
  return above != std::begin(kZeros) && c - *std::prev(above) < 10;
}

bool is_ascii_letter(char32_t c) { return (c | 0x20) >= U'a' && (c | 0x20) <= U'z'; }

// Length of the terminal escape at the front of `text`; 0: there is none.
std::size_t escape_length(std::u32string_view text) {
  if (text.size() < 3 || text[0] != kEscape || text[1] != U'[') return 0;
  std::size_t end = 2;
  while (end < text.size() && (is_digit(text[end]) || text[end] == U';')) ++end;
  return end < text.size() && is_ascii_letter(text[end]) ? end + 1 : 0;
}

}  // namespace

std::u32string fix_c1_controls(std::u32string text) {
  for (char32_t& c : text) {
    if (is_c1_control(c)) c = windows1252(c).value_or(c);
  }
  return text;
}

std::u32string fix_latin_ligatures(std::u32string text) {
  return translate(std::move(text), kLigatures);
}

std::u32string fix_character_width(std::u32string text) {
  return translate(std::move(text), kWidths);
}

std::u32string uncurl_quotes(std::u32string text) {
  for (char32_t& c : text) {
    if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) c = U'\'';
    if (c >= 0x201C && c <= 0x201F) c = U'"';
  }
  return text;
}

std::u32string fix_line_breaks(std::u32string text) {
  const auto is_break = [](char32_t c) {
    return c == U'\r' || c == kNextLine || c == kLineSeparator || c == kParagraphSeparator;
  };
  std::size_t kept = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool first_of_two = text[i] == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n';
    if (!first_of_two) text[kept++] = is_break(text[i]) ? U'\n' : text[i];
  }
  text.resize(kept);
  return text;
}

std::u32string remove_terminal_escapes(std::u32string text) {
  if (text.find(kEscape) == std::u32string::npos) return text;
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = escape_length(std::u32string_view(text).substr(i));
    if (length == 0) out += text[i];
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::u32string remove_control_chars(std::u32string text) {
  std::erase_if(text, [](char32_t c) {
    if (c >= 0x80 && c < 0x2000) return false;
    return std::binary_search(std::begin(kControls), std::end(kControls), c);
  });
  return text;
}

void append_upper(char32_t c, std::u32string& out) {
  const Replacement* row = find(kCapitals, c);
  if (row == nullptr) {
    out += c;
  } else {
    append(*row, out);
  }
}

}  // namespace glint::ftfy
