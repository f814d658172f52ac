#include "text/ftfy/charmaps.h"

#include <algorithm>
#include <iterator>

namespace glint::ftfy {
namespace {

struct CharmapRow {
  char32_t character;
  std::uint8_t bytes[kCharmaps];  // 0: not in that encoding
};

#include "text/tables/charmaps.inc"

constexpr char32_t kSubstitute = 0x1A;  // the one ASCII character that the sloppy ones lack

const CharmapRow* find_row(char32_t c) {
  const auto* row =
      std::lower_bound(std::begin(kCharmapRows), std::end(kCharmapRows), c,
                       [](const CharmapRow& entry, char32_t key) { return entry.character < key; });
  return row != std::end(kCharmapRows) && row->character == c ? row : nullptr;
}

bool is_plain_ascii(char32_t c) { return c < 0x80 && c != kSubstitute; }

}  // namespace

bool is_sloppy(Charmap map) {
  return map >= Charmap::kSloppyWindows1252 && map <= Charmap::kSloppyWindows1257;
}

std::uint32_t possible_charmaps(std::u32string_view text) {
  std::uint32_t possible = (1u << kCharmaps) - 1;
  for (const char32_t c : text) {
    if (is_plain_ascii(c)) continue;
    const CharmapRow* row = find_row(c);
    if (row == nullptr) return 0;
    for (int k = 0; k < kCharmaps; ++k) {
      if (row->bytes[k] == 0) possible &= ~(1u << k);
    }
    if (possible == 0) return 0;
  }
  return possible;
}

std::string encode(std::u32string_view text, Charmap map) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) {
    bytes += static_cast<char>(is_plain_ascii(c) ? c : find_row(c)->bytes[static_cast<int>(map)]);
  }
  return bytes;
}

std::optional<char32_t> windows1252(char32_t c1_control) {
  const char32_t c = kWindows1252[c1_control - 0x80];
  return c == 0 ? std::nullopt : std::optional(c);
}

}  // namespace glint::ftfy
