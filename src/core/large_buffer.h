// Much memory at once: zeros that no one had to write, in large pages where the system has some. To
// fill a gigabyte takes half as long as in a vector, which is filled with zeros before.
#pragma once

#include <cstddef>
#include <span>

namespace glint {

// Asks for large pages where `memory`, not yet touched, spans whole ones: filling it takes a third
// of the system's time. A wish: refused, or where the system has none, the pages are small.
void prefer_large_pages(std::span<std::byte> memory) noexcept;

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;  // bytes

inline constexpr std::size_t kCacheLine = 64;  // bytes

// `size` bytes, not set to anything, from a multiple of `alignment` on; std::free ends them. Those
// that start a large page are in large pages. Throws std::bad_alloc.
void* allocate_aligned(std::size_t size, std::size_t alignment);

class LargeBuffer {
 public:
  // Starts at a page's beginning. Throws std::bad_alloc.
  explicit LargeBuffer(std::size_t size);
  ~LargeBuffer();
  LargeBuffer(LargeBuffer&& other) noexcept;
  LargeBuffer& operator=(LargeBuffer&&) = delete;

  std::span<std::byte> bytes() { return bytes_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace glint
