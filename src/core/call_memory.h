// Memory for the results and the scratch of one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace glint {

// While it lives, large blocks that its thread asks for take the place of those that are gone. From
// malloc each would be memory that the system has to clear first, since freed blocks of that size
// go back to it: an eighth of the time of ViT-B/16's eight pictures. What nobody uses at its end is
// given back.
//
// One inside of another stands in for it. Blocks may outlive it, and end on any thread.
class CallMemory {
 public:
  CallMemory();
  ~CallMemory();
  CallMemory(const CallMemory&) = delete;
  CallMemory& operator=(const CallMemory&) = delete;

  class Idle;  // the blocks that nobody uses
  struct Free {
    void operator()(void* memory) const noexcept;
  };
  using Memory = std::unique_ptr<void, Free>;

  class Block {
   public:
    Block(Memory memory, std::size_t size, std::shared_ptr<Idle> home) noexcept;
    ~Block();
    Block(Block&&) noexcept = default;
    Block& operator=(Block&&) = delete;

    template <typename T = void>
    T* data() const {
      return static_cast<T*>(memory_.get());
    }

   private:
    Memory memory_;
    std::size_t size_;
    std::shared_ptr<Idle> home_;  // nullptr: it is simply freed
  };

  // At least `size` bytes, not set to anything, from the start of a cache line on; none for 0. With
  // or without a CallMemory. Throws std::bad_alloc.
  static Block take(std::size_t size);

  template <typename T>
  static Block take_for(std::int64_t count) {
    return take(static_cast<std::size_t>(count) * sizeof(T));
  }

 private:
  std::shared_ptr<Idle> before_;
};

}  // namespace glint
