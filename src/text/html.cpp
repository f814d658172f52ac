// Follows Python's Lib/html/__init__.py, unescape and _replace_charref. A reference is
//   & #digits ;?  |  & #x hex ;?  |  & 1 to 32 characters none of which is \t \n \f space < & # ;
//   ;?
// and what follows it is scanned on from its end, not from the end of the name that was found.
#include "text/html.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

namespace glint {
namespace {

struct Entity {
  std::string_view name;
  bool bare;  // also without its semicolon
  char32_t first;
  char32_t second;  // 0: there is none
};

#include "text/tables/html_entities.inc"

constexpr std::size_t kMaxName = 32;  // the reference's {1,32}
constexpr char32_t kMaxCodePoint = 0x10FFFF;

const Entity* find_entity(std::string_view name) {
  const auto found = std::lower_bound(
      std::begin(kEntities), std::end(kEntities), name,
      [](const Entity& entity, std::string_view key) { return entity.name < key; });
  return found != std::end(kEntities) && found->name == name ? found : nullptr;
}

int digit_value(char32_t c, bool hex) {
  if (c >= U'0' && c <= U'9') return static_cast<int>(c - U'0');
  const char32_t lower = c | 0x20;
  if (hex && lower >= U'a' && lower <= U'f') return static_cast<int>(lower - U'a') + 10;
  return -1;
}

bool ends_name(char32_t c) {
  return c == U'\t' || c == U'\n' || c == U'\f' || c == U' ' || c == U'<' || c == U'&' ||
         c == U'#' || c == U';';
}

// _invalid_codepoints: references to these vanish. The C1 controls never come this far.
bool vanishes(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
         (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE;
}

void append_number(char32_t number, std::u32string& out) {
  if (number >= 0x80 && number < 0xA0) {
    out += kC1References[number - 0x80];
  } else if (number == 0 || (number >= 0xD800 && number <= 0xDFFF) || number > kMaxCodePoint) {
    out += U'\xFFFD';
  } else if (!vanishes(number)) {
    out += number;
  }
}

// The text from "#" on. Returns how many characters the reference takes, 0 when it is none.
std::size_t append_numeric(std::u32string_view text, std::u32string& out) {
  const bool hex = text.size() > 1 && (text[1] | 0x20) == U'x';
  const std::size_t digits = hex ? 2 : 1;
  std::size_t end = digits;
  char32_t number = 0;
  for (; end < text.size(); ++end) {
    const int digit = digit_value(text[end], hex);
    if (digit < 0) break;
    number = number * (hex ? 16 : 10) + static_cast<char32_t>(digit);
    if (number > kMaxCodePoint) number = kMaxCodePoint + 1;  // more digits change nothing
  }
  if (end == digits) return 0;
  append_number(number, out);
  return end + (end < text.size() && text[end] == U';' ? 1 : 0);
}

void append_entity(const Entity& entity, std::u32string& out) {
  out += entity.first;
  if (entity.second != 0) out += entity.second;
}

// The text after "&". Returns how many characters the reference takes, 0 when it is none.
std::size_t append_named(std::u32string_view text, std::u32string& out) {
  std::size_t length = 0;
  std::string ascii;  // the part of the name that can be in the table
  for (; length < std::min(text.size(), kMaxName) && !ends_name(text[length]); ++length) {
    if (ascii.size() == length && text[length] < 0x80) ascii += static_cast<char>(text[length]);
  }
  if (length == 0) return 0;
  const bool semicolon = length < text.size() && text[length] == U';';
  const std::size_t taken = length + (semicolon ? 1 : 0);

  const Entity* entity = ascii.size() == length ? find_entity(ascii) : nullptr;
  if (entity != nullptr && (semicolon || entity->bare)) {
    append_entity(*entity, out);
    return taken;
  }
  // The longest name, of two letters at least, that may do without its semicolon.
  for (; ascii.size() >= 2; ascii.pop_back()) {
    entity = find_entity(ascii);
    if (entity != nullptr && entity->bare) {
      append_entity(*entity, out);
      out += text.substr(ascii.size(), taken - ascii.size());
      return taken;
    }
  }
  out += U'&';
  out += text.substr(0, taken);
  return taken;
}

}  // namespace

std::u32string named_reference(std::string_view name) {
  std::u32string out;
  if (const Entity* entity = find_entity(name)) append_entity(*entity, out);
  return out;
}

std::u32string unescape_html(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t ampersand = text.find(U'&');
    out += text.substr(0, ampersand);
    if (ampersand == std::u32string_view::npos) return out;
    text.remove_prefix(ampersand + 1);
    const bool numeric = !text.empty() && text[0] == U'#';
    const std::size_t taken = numeric ? append_numeric(text, out) : append_named(text, out);
    if (taken == 0) out += U'&';
    text.remove_prefix(taken);
  }
}

}  // namespace glint
