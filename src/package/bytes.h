// Little-endian numbers out of bytes, on any machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace glint {

// The unsigned number at bytes[at .. at + sizeof(T)), which the caller has checked to lie inside.
template <typename T>
T read_le(std::span<const std::byte> bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(bytes[at + i]) << (8 * i)));
  }
  return value;
}

}  // namespace glint
