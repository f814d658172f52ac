// Numbers out of a header that may be cut anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace glint {

using ByteSpan = std::span<const std::uint8_t>;

// True where `bytes` has `text` at `offset`.
inline bool has_text(ByteSpan bytes, std::size_t offset, std::string_view text) {
  if (offset > bytes.size() || bytes.size() - offset < text.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (bytes[offset + i] != static_cast<std::uint8_t>(text[i])) return false;
  }
  return true;
}

// The unsigned number of `size` bytes (1 to 4) at `offset`, or nothing where the bytes end before.
inline std::optional<std::uint32_t> read_number(ByteSpan bytes, std::size_t offset,
                                                std::size_t size, bool big_endian) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | bytes[offset + (big_endian ? i : size - 1 - i)];
  }
  return value;
}

inline std::optional<std::uint32_t> read_be16(ByteSpan bytes, std::size_t offset) {
  return read_number(bytes, offset, 2, true);
}
inline std::optional<std::uint32_t> read_be32(ByteSpan bytes, std::size_t offset) {
  return read_number(bytes, offset, 4, true);
}
inline std::optional<std::uint32_t> read_le16(ByteSpan bytes, std::size_t offset) {
  return read_number(bytes, offset, 2, false);
}
inline std::optional<std::uint32_t> read_le32(ByteSpan bytes, std::size_t offset) {
  return read_number(bytes, offset, 4, false);
}

// The rest of `bytes` from `offset`; empty when it lies beyond the end.
inline ByteSpan tail(ByteSpan bytes, std::size_t offset) {
  return offset < bytes.size() ? bytes.subspan(offset) : ByteSpan{};
}

}  // namespace glint
