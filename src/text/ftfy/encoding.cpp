// Follows ftfy __init__.py, _fix_encoding_one_step_and_explain, whose steps are tried in turn until
// one changes the text.
#include "text/ftfy/encoding.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "text/ftfy/bytes.h"
#include "text/ftfy/characters.h"
#include "text/ftfy/charmaps.h"
#include "text/ftfy/mojibake.h"
#include "text/ftfy/stable.h"

namespace glint::ftfy {
namespace {

// The whole text back to bytes in one encoding, and these read as UTF-8.
std::optional<std::u32string> redecode(std::u32string_view text, Charmap map) {
  std::string bytes = encode(text, map);
  // In Mac Roman it would take a dash and a space for a damaged sequence.
  if (map != Charmap::kMacRoman) bytes = restore_byte_a0(bytes);
  if (is_sloppy(map)) bytes = replace_lossy_sequences(bytes);
  return decode_utf8_variants(bytes);
}

// Latin-1 that was meant to be Windows-1252. None: a control has no character there.
std::optional<std::u32string> latin1_to_windows1252(std::u32string text) {
  for (char32_t& c : text) {
    if (!is_c1_control(c)) continue;
    const auto meant = windows1252(c);
    if (!meant) return std::nullopt;
    c = *meant;
  }
  return text;
}

// Repairs stretches of mojibake within other text, each on its own (fixes.py,
// decode_inconsistent_utf8). A stretch is its own only stretch until a decoding has made it
// shorter, by a quarter at least, so the recursion is a few dozen levels deep at most.
std::u32string decode_inconsistent_utf8(std::u32string_view text) {
  std::u32string out;
  std::size_t done = 0;
  for (;;) {
    const Stretch stretch = find_utf8_like(text, done);
    out += text.substr(done, stretch.begin - done);
    if (stretch.length == 0) return out;
    const auto part = text.substr(stretch.begin, stretch.length);
    const bool fix = part.size() < text.size() && is_bad(part);
    out += fix ? fix_encoding(std::u32string(part)) : part;
    done = stretch.begin + stretch.length;
  }
}

std::u32string fix_one_step(const std::u32string& text) {
  if (!is_bad(text)) return text;
  const std::uint32_t possible = possible_charmaps(text);
  for (int k = 0; k < kCharmaps; ++k) {
    if ((possible >> k & 1) == 0) continue;
    if (auto fixed = redecode(text, static_cast<Charmap>(k))) return *std::move(fixed);
  }
  if (auto fixed = decode_inconsistent_utf8(text); fixed != text) return fixed;
  if ((possible & 1) != 0) {
    if (auto fixed = latin1_to_windows1252(text); fixed && *fixed != text) return *fixed;
  }
  return fix_c1_controls(text);
}

}  // namespace

std::u32string fix_encoding(std::u32string text) {
  return until_stable(std::move(text), fix_one_step);
}

}  // namespace glint::ftfy
