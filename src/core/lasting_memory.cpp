#include "core/lasting_memory.h"

#include <cstdlib>
#include <mutex>

#include "core/large_buffer.h"

namespace glint {
namespace {

constexpr std::size_t kBlock = 16 * kLargePage;
constexpr std::size_t kShares = kBlock / 4;  // larger parts have a block of their own

std::shared_ptr<std::byte> new_block(std::size_t size) {
  return {static_cast<std::byte*>(allocate_aligned(size, kLargePage)),
          [](std::byte* block) { std::free(block); }};
}

}  // namespace

std::shared_ptr<void> lasting_memory(std::size_t size) {
  if (size == 0) return nullptr;
  size = (size + kCacheLine - 1) / kCacheLine * kCacheLine;
  if (size > kShares) return new_block(size);
  static std::mutex mutex;
  static std::weak_ptr<std::byte> newest;
  static std::size_t left = 0;  // at the end of the newest
  const std::lock_guard lock(mutex);
  auto block = newest.lock();
  if (!block || left < size) {
    block = new_block(kBlock);
    newest = block;
    left = kBlock;
  }
  std::byte* const part = block.get() + (kBlock - left);
  left -= size;
  return {block, part};
}

}  // namespace glint
