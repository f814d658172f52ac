#include "text/ftfy/entities.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "text/ftfy/characters.h"
#include "text/html.h"

namespace glint::ftfy {
namespace {

constexpr std::size_t kMaxName = 24;  // HTML_ENTITY_RE: &#?[0-9A-Za-z]{1,24};

bool is_alphanumeric(char32_t c) {
  return (c >= U'0' && c <= U'9') || ((c | 0x20) >= U'a' && (c | 0x20) <= U'z');
}

// Length of the reference at the front of `text`, "&" and ";" included; 0: there is none.
std::size_t reference_length(std::u32string_view text) {
  const std::size_t start = text.size() > 1 && text[1] == U'#' ? 2 : 1;
  std::size_t end = start;
  while (end < text.size() && end - start < kMaxName && is_alphanumeric(text[end])) ++end;
  return end > start && end < text.size() && text[end] == U';' ? end + 1 : 0;
}

// The name is in capitals and HTML, which also decodes the beginning of a name, knows nothing of
// it, but it knows the name in lower case.
std::u32string capital_reference(std::string name, std::u32string_view reference) {
  std::u32string out;
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; }))
    return out;
  if (unescape_html(reference) != reference) return out;
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  for (const char32_t c : named_reference(name)) append_upper(c, out);
  return out;
}

std::u32string decode(std::u32string_view reference) {
  if (reference[1] == U'#') {
    std::u32string decoded = unescape_html(reference);
    const bool whole = decoded.find(U';') == std::u32string::npos;
    return whole ? std::move(decoded) : std::u32string(reference);
  }
  const std::string name(reference.begin() + 1, reference.end() - 1);
  std::u32string decoded = named_reference(name);
  if (decoded.empty()) decoded = capital_reference(name, reference);
  return decoded.empty() ? std::u32string(reference) : decoded;
}

}  // namespace

std::u32string unescape_entities(std::u32string text) {
  if (text.find(U'&') == std::u32string::npos) return text;
  std::u32string out;
  std::u32string_view rest = text;
  for (;;) {
    const std::size_t ampersand = rest.find(U'&');
    out += rest.substr(0, ampersand);
    if (ampersand == std::u32string_view::npos) return out;
    rest.remove_prefix(ampersand);
    const std::size_t length = std::max<std::size_t>(reference_length(rest), 1);
    out += length > 1 ? decode(rest.substr(0, length)) : U"&";
    rest.remove_prefix(length);
  }
}

}  // namespace glint::ftfy
