#include "core/call_memory.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "core/large_buffer.h"

namespace glint {

class CallMemory::Idle {
 public:
  // Of at least `size` bytes, of which it says how many: at most twice as many. nullptr: there is
  // none.
  Memory find(std::size_t& size) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.lower_bound(size);
    if (found == blocks_.end() || found->first > 2 * size) return nullptr;
    size = found->first;
    Memory memory = std::move(found->second);
    blocks_.erase(found);
    return memory;
  }

  // Throws std::bad_alloc; then, as when it is closed, the memory is freed.
  void keep(Memory memory, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (open_) blocks_.emplace(size, std::move(memory));
  }

  void close() noexcept {
    const std::lock_guard lock(mutex_);
    open_ = false;
    blocks_.clear();
  }

 private:
  std::mutex mutex_;
  bool open_ = true;
  std::multimap<std::size_t, Memory> blocks_;  // by size
};

namespace {

thread_local std::shared_ptr<CallMemory::Idle> current;

}  // namespace

void CallMemory::Free::operator()(void* memory) const noexcept { std::free(memory); }

CallMemory::Block::Block(Memory memory, std::size_t size, std::shared_ptr<Idle> home) noexcept
    : memory_(std::move(memory)), size_(size), home_(std::move(home)) {}

CallMemory::Block::~Block() {
  if (!home_) return;
  try {
    home_->keep(std::move(memory_), size_);
  } catch (const std::bad_alloc&) {
  }
}

CallMemory::CallMemory() : before_(std::exchange(current, std::make_shared<Idle>())) {}

CallMemory::~CallMemory() { std::exchange(current, std::move(before_))->close(); }

CallMemory::Block CallMemory::take(std::size_t size) {
  if (size == 0) return {nullptr, 0, nullptr};
  if (size < kLargePage || !current)
    return {Memory(allocate_aligned(size, kCacheLine)), size, nullptr};
  size = (size + kLargePage - 1) / kLargePage * kLargePage;
  Memory memory = current->find(size);
  if (!memory) memory.reset(allocate_aligned(size, kLargePage));
  return {std::move(memory), size, current};
}

}  // namespace glint
