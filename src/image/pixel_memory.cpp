#include "image/pixel_memory.h"

#include "core/large_buffer.h"

namespace glint {

std::vector<std::uint8_t> pixel_memory(std::int64_t bytes) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(bytes));
  // Before the zeros touch it.
  prefer_large_pages(std::as_writable_bytes(std::span(pixels.data(), pixels.capacity())));
  pixels.resize(static_cast<std::size_t>(bytes));
  return pixels;
}

}  // namespace glint
