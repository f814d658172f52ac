// Which blocks take the place of others.
#include "core/call_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "core/large_buffer.h"

namespace glint {
namespace {

using Block = CallMemory::Block;

// A block that is gone at once. -> where it was
void* place_of(std::size_t size) { return CallMemory::take(size).data(); }

TEST(CallMemoryTest, ALargeBlockTakesThePlaceOfOneThatIsGone) {
  const CallMemory memory;
  void* const place = place_of(5 * kLargePage);
  EXPECT_EQ(place_of(5 * kLargePage - 100), place);
  EXPECT_EQ(place_of(3 * kLargePage), place);
  const Block held = CallMemory::take(4 * kLargePage);
  EXPECT_EQ(held.data(), place);
  EXPECT_NE(place_of(4 * kLargePage), place);
}

TEST(CallMemoryTest, AMuchLargerOneIsLeftForOthers) {
  const CallMemory memory;
  void* const place = place_of(9 * kLargePage);
  const Block small = CallMemory::take(4 * kLargePage);
  EXPECT_NE(small.data(), place);
  EXPECT_EQ(place_of(9 * kLargePage), place);
}

TEST(CallMemoryTest, BlocksOutliveItAndEndOnAnyThread) {
  std::optional<CallMemory> memory(std::in_place);
  auto block = std::make_unique<Block>(CallMemory::take(kLargePage));
  std::memset(block->data(), 1, kLargePage);
  std::thread([&] { block.reset(); }).join();
  block = std::make_unique<Block>(CallMemory::take(kLargePage));
  memory.reset();
  std::memset(block->data(), 2, kLargePage);
  std::thread([&] { block.reset(); }).join();
}

TEST(CallMemoryTest, OneInsideOfAnotherIsApart) {
  const CallMemory outer;
  void* const place = place_of(kLargePage);
  {
    const CallMemory inner;
    const Block held = CallMemory::take(kLargePage);
    EXPECT_NE(held.data(), place);
  }
  EXPECT_EQ(place_of(kLargePage), place);
}

TEST(CallMemoryTest, SmallBlocksAndThoseWithoutItStartACacheLine) {
  EXPECT_EQ(CallMemory::take(0).data(), nullptr);
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, kLargePage + 1}) {
    const Block block = CallMemory::take(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % 64, 0U);
    std::memset(block.data(), 3, size);
  }
}

}  // namespace
}  // namespace glint
