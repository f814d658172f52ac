// Pieces of work in several threads of their own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace glint {

// Calls work(i, thread) for i of 0 to count - 1, each once, in any order and up to `threads` at a
// time; thread 0 is the one that calls, which takes part. When one throws, no other begins, and its
// exception, the first, comes out when all have ended. Where the system gives no more threads,
// fewer do it.
template <typename Work>
void in_threads(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::atomic_flag failed;
  std::exception_ptr failure;
  const auto take = [&](std::size_t thread) noexcept {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i, thread);
    } catch (...) {
      next = count;
      if (!failed.test_and_set()) failure = std::current_exception();
    }
  };
  const std::size_t most = std::min(count, threads);
  std::vector<std::jthread> others;
  others.reserve(most);
  try {
    for (std::size_t i = 1; i < most; ++i) others.emplace_back(take, i);
  } catch (const std::system_error&) {  // as many as there are
  }
  take(0);
  others.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace glint
