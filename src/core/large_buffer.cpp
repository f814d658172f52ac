#include "core/large_buffer.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace glint {

LargeBuffer::LargeBuffer(std::size_t size) {
  if (size == 0) return;  // nothing that could be mapped
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  ::madvise(address, size, MADV_HUGEPAGE);  // a wish: refused, the pages are small
  bytes_ = std::span(static_cast<std::byte*>(address), size);
}

LargeBuffer::~LargeBuffer() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

LargeBuffer::LargeBuffer(LargeBuffer&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

}  // namespace glint
