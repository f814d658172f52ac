#include "text/clean.h"

#include <cstddef>

#include "text/ftfy/fix_text.h"
#include "text/html.h"
#include "text/unicode.h"

namespace glint {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kSmallSigma = 0x3C3;
constexpr char32_t kFinalSigma = 0x3C2;
constexpr char32_t kCapitalDottedI = 0x130;
constexpr char32_t kDotAbove = 0x307;

// Unicode's Final_Sigma: a cased letter before it and none after it, looking through ignorable
// characters (CPython Objects/unicodeobject.c, handle_capital_sigma). A sigma is itself cased, so
// no stretch of text is looked through more than twice.
bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  std::size_t after = at + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

// What is left to do to a plain text, whose only white space is space and line feed.
std::string clean_lower_plain(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  bool gap = true;  // what comes next follows a space, or nothing
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n';
    out[size] = space ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    size += space && gap ? 0 : 1;
    gap = space;
  }
  out.resize(size - (size > 0 && gap ? 1 : 0));
  return out;
}

}  // namespace

std::u32string collapse_whitespace(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  bool gap = false;
  for (const char32_t c : text) {
    if (is_space(c)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += U' ';
    gap = false;
    out += c;
  }
  return out;
}

std::u32string lower_case(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == kCapitalSigma) {
      out += is_final_sigma(text, i) ? kFinalSigma : kSmallSigma;
    } else if (c == kCapitalDottedI) {
      out += U'i';
      out += kDotAbove;
    } else {
      out += simple_lower(c);
    }
  }
  return out;
}

std::string clean_lower(std::string_view utf8) {
  if (ftfy::is_plain(utf8)) return clean_lower_plain(utf8);
  std::u32string text = ftfy::fix_text(decode_utf8(utf8));
  text = unescape_html(text);
  text = unescape_html(text);
  text = collapse_whitespace(text);
  return encode_utf8(lower_case(text));
}

}  // namespace glint
