#include "core/in_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace glint {
namespace {

TEST(InThreadsTest, DoesEachPieceOnce) {
  for (const std::size_t threads : {0, 1, 3, 100}) {
    std::vector<std::atomic<int>> calls(17);
    in_threads(calls.size(), threads, [&](std::size_t i, std::size_t) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1) << threads << " threads";
  }
  in_threads(0, 4, [](std::size_t, std::size_t) { FAIL(); });
}

TEST(InThreadsTest, UsesNoMoreThreadsThanAsked) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  in_threads(50, 3, [&](std::size_t, std::size_t thread) {
    EXPECT_LT(thread, 3U);
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_LE(seen.size(), 3U);
  seen.clear();
  in_threads(50, 1, [&](std::size_t, std::size_t) { seen.insert(std::this_thread::get_id()); });
  EXPECT_EQ(seen, std::set{std::this_thread::get_id()});
}

TEST(InThreadsTest, ThrowsWhatOnePieceThrew) {
  std::atomic<int> calls = 0;
  const auto fails = [&](std::size_t i, std::size_t) {
    ++calls;
    if (i == 2) throw std::runtime_error("the third");
  };
  EXPECT_THROW(in_threads(1000, 1, fails), std::runtime_error);
  EXPECT_EQ(calls, 3);  // none begins afterwards
  EXPECT_THROW(in_threads(1000, 4, fails), std::runtime_error);
}

}  // namespace
}  // namespace glint
