#include "core/check.h"

namespace glint {
namespace {

constexpr std::size_t kHeadBytes = 40;
constexpr std::size_t kTailBytes = 120;  // the end of a path says most about it

bool continues_utf8(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

void append_escaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string quote(std::string_view text) {
  std::string out = "\"";
  if (text.size() > kHeadBytes + kTailBytes) {
    std::size_t head = kHeadBytes;
    std::size_t tail = text.size() - kTailBytes;
    while (head > 0 && continues_utf8(text[head])) --head;
    while (tail < text.size() && continues_utf8(text[tail])) ++tail;
    append_escaped(out, text.substr(0, head));
    out += "...";
    text.remove_prefix(tail);
  }
  append_escaped(out, text);
  return out + "\"";
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text;
  for (const std::int64_t size : shape) text += cat(text.empty() ? "[" : ", ", size);
  return text.empty() ? "[]" : text + "]";
}

}  // namespace glint
