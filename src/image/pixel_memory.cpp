#include "image/pixel_memory.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace glint {
namespace {

// Asks for large pages; a system that refuses changes nothing but the time.
void prefer_large_pages([[maybe_unused]] std::uint8_t* data, [[maybe_unused]] std::int64_t bytes) {
#if defined(__linux__)
  constexpr std::uintptr_t kLargePage = std::uintptr_t{2} << 20;
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = (address + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t end =
      (address + static_cast<std::uintptr_t>(bytes)) / kLargePage * kLargePage;
  if (begin < end) ::madvise(data + (begin - address), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace

std::vector<std::uint8_t> pixel_memory(std::int64_t bytes) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(bytes));
  prefer_large_pages(pixels.data(), bytes);  // before the zeros touch it
  pixels.resize(static_cast<std::size_t>(bytes));
  return pixels;
}

}  // namespace glint
