// Which parts share a block, and that none overlap.
#include "core/lasting_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "core/large_buffer.h"

namespace glint {
namespace {

std::uintptr_t place(const std::shared_ptr<void>& part) {
  return reinterpret_cast<std::uintptr_t>(part.get());
}

TEST(LastingMemoryTest, SmallPartsLieBesideEachOther) {
  const auto first = lasting_memory(100), second = lasting_memory(1);
  EXPECT_EQ(place(second), place(first) + 128);
  EXPECT_EQ(lasting_memory(0), nullptr);
}

TEST(LastingMemoryTest, LargePartsStartALargePageAndLeaveTheSharedBlock) {
  const auto small = lasting_memory(64), large = lasting_memory(40 * kLargePage);
  EXPECT_EQ(place(large) % kLargePage, 0U);
  std::memset(large.get(), 1, 40 * kLargePage);
  EXPECT_EQ(place(lasting_memory(64)), place(small) + 64);
}

// More than a block in all, in sizes that do not fill it, from two threads; each part keeps what is
// written to it while others come and go.
TEST(LastingMemoryTest, PartsKeepWhatTheyHold) {
  const auto work = [](unsigned char mark) {
    std::vector<std::pair<std::shared_ptr<void>, std::size_t>> parts;
    for (std::size_t i = 0; i < 40; ++i) {
      const std::size_t size = kLargePage / 2 + 1000 * i + 1;
      parts.emplace_back(lasting_memory(size), size);
      std::memset(parts.back().first.get(), mark + static_cast<int>(i), size);
      if (i % 3 == 2) parts[i - 1].first.reset();
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& [part, size] = parts[i];
      if (!part) continue;
      const std::vector<unsigned char> wanted(size, static_cast<unsigned char>(mark + i));
      EXPECT_EQ(std::memcmp(part.get(), wanted.data(), size), 0);
    }
  };
  std::thread other(work, static_cast<unsigned char>(100));
  work(0);
  other.join();
}

}  // namespace
}  // namespace glint
