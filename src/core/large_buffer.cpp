#include "core/large_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace glint {

void prefer_large_pages(std::span<std::byte> memory) noexcept {
  void* first = memory.data();
  std::size_t size = memory.size();
  if (std::align(kLargePage, kLargePage, first, size) == nullptr) return;
#if defined(MADV_HUGEPAGE)
  ::madvise(first, size / kLargePage * kLargePage, MADV_HUGEPAGE);
#endif
}

void* allocate_aligned(std::size_t size, std::size_t alignment) {
  void* data = nullptr;
  if (::posix_memalign(&data, alignment, size) != 0) throw std::bad_alloc();
  if (alignment == kLargePage) prefer_large_pages({static_cast<std::byte*>(data), size});
  return data;
}

LargeBuffer::LargeBuffer(std::size_t size) {
  if (size == 0) return;  // nothing that could be mapped
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  bytes_ = std::span(static_cast<std::byte*>(address), size);
  prefer_large_pages(bytes_);
}

LargeBuffer::~LargeBuffer() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

LargeBuffer::LargeBuffer(LargeBuffer&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

}  // namespace glint
