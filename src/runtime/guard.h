// What stands between LibTorch and the rest: its exceptions end here, and a call's thread count
// and inference mode end with the call.
#pragma once

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <omp.h>

#include <new>
#include <string>
#include <string_view>

#include "core/check.h"

namespace glint {

// The one line of LibTorch's message that says what happened: the first, or, where TorchScript's
// interpreter puts a traceback in front, the one after it.
inline std::string telling_line(std::string_view message) {
  constexpr std::string_view kMark = "RuntimeError: ";
  if (message.starts_with("The following operation failed in the TorchScript interpreter")) {
    const std::size_t mark = message.rfind(kMark);
    if (mark != std::string_view::npos) message.remove_prefix(mark + kMark.size());
  }
  return std::string(message.substr(0, message.find('\n')));
}

[[noreturn]] inline void fail_as(ErrorCode code, std::string_view doing, std::string_view message) {
  for (const std::string_view phrase :
       {"can't allocate memory", "not enough memory", "out of memory"}) {
    if (message.find(phrase) != std::string_view::npos) code = ErrorCode::kOutOfMemory;
  }
  fail(code, doing, ": ", telling_line(message));
}

// Runs `work`; whatever LibTorch throws becomes an Error whose message starts with `doing`.
template <typename Work>
auto guarded(ErrorCode code, std::string_view doing, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, doing, ": not enough memory");
  } catch (const c10::Error& error) {
    fail_as(code, doing, error.what_without_backtrace());
  } catch (const std::exception& error) {
    fail_as(code, doing, error.what());
  }
}

// `threads` CPU threads (0: as many as the host program has set) for what the calling thread
// computes. OpenMP keeps the count for each calling thread, so no other thread of the program is
// affected; the host's count is there again at the end.
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) {
    at::get_num_threads();  // ATen sets a count of its own when a thread first asks
    omp_set_num_threads(threads > 0 ? threads : before_);
  }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

// The same without gradients.
class ComputeScope {
 public:
  explicit ComputeScope(int threads) : threads_(threads) {}

 private:
  ThreadScope threads_;
  c10::InferenceMode inference_;
};

}  // namespace glint
