// Much memory at once: zeros that no one had to write, in large pages where the system has some. To
// fill a gigabyte takes half as long as in a vector, which is filled with zeros before.
#pragma once

#include <cstddef>
#include <span>

namespace glint {

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
