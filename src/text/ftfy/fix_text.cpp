// Follows ftfy __init__.py: fix_text cuts the text into lines, fix_and_explain repairs each. Its
// fix_surrogates has no part here: no surrogate comes out of UTF-8, a reference, or the codecs.
#include "text/ftfy/fix_text.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "text/ftfy/activity.h"
#include "text/ftfy/characters.h"
#include "text/ftfy/encoding.h"
#include "text/ftfy/entities.h"
#include "text/ftfy/mojibake.h"
#include "text/ftfy/stable.h"
#include "text/normalization.h"

namespace glint::ftfy {
namespace {

constexpr std::size_t kMaxLine = 1'000'000;  // TextFixerConfig.max_decode_length

// Whether any repair has work in this text.
bool may_change(std::u32string_view text) {
  const unsigned bits = activity(text);
  return (bits & kChangeable) != 0 || ((bits & kSuspect) != 0 && is_bad(text));
}

std::u32string fix_line(std::u32string_view line, bool unescape) {
  return until_stable(std::u32string(line), [&](std::u32string text) {
    if (!may_change(text)) return text;
    if (unescape) text = unescape_entities(std::move(text));
    text = fix_encoding(std::move(text));
    text = fix_c1_controls(std::move(text));
    text = fix_latin_ligatures(std::move(text));
    text = fix_character_width(std::move(text));
    text = uncurl_quotes(std::move(text));
    text = fix_line_breaks(std::move(text));
    text = remove_terminal_escapes(std::move(text));
    text = remove_control_chars(std::move(text));
    return normalize_nfc(std::move(text));
  });
}

}  // namespace

std::u32string fix_text(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  bool unescape = true;
  while (!text.empty()) {
    const std::size_t newline = text.find(U'\n');
    const std::size_t end = newline == std::u32string_view::npos ? text.size() : newline + 1;
    const std::u32string_view line = text.substr(0, std::min(end, kMaxLine));
    // A "<" means HTML, whose references stay: in this line and in all that follow.
    unescape = unescape && line.find(U'<') == std::u32string_view::npos;
    out += fix_line(line, unescape);
    text.remove_prefix(line.size());
  }
  return out;
}

bool is_plain(std::string_view utf8) {
  bool plain = true;  // no early end: so it goes by vectors
  for (const char c : utf8) plain &= (c >= ' ' && c <= '~' && c != '&') || c == '\n';
  return plain;
}

}  // namespace glint::ftfy
