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

// The first line of LibTorch's message, without its stack trace.
inline std::string first_line(std::string_view message) {
  return std::string(message.substr(0, message.find('\n')));
}

// Runs `work`; whatever LibTorch throws becomes an Error whose message starts with `doing`.
template <typename Work>
auto guarded(ErrorCode code, std::string_view doing, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    fail(ErrorCode::kOutOfMemory, doing, ": ", first_line(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const std::string line = first_line(error.what_without_backtrace());
    const bool memory = line.find("can't allocate memory") != std::string::npos ||
                        line.find("not enough memory") != std::string::npos;
    fail(memory ? ErrorCode::kOutOfMemory : code, doing, ": ", line);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, doing, ": not enough memory");
  } catch (const std::exception& error) {
    fail(code, doing, ": ", first_line(error.what()));
  }
}

// No gradients and, with threads > 0, that many CPU threads for the calls of this thread. OpenMP
// keeps the count for each calling thread, so no other thread of the program is affected.
class ComputeScope {
 public:
  explicit ComputeScope(int threads) : changed_(threads > 0) {
    if (!changed_) return;
    before_ = at::get_num_threads();  // also lets ATen initialise this thread first
    omp_set_num_threads(threads);
  }
  ~ComputeScope() {
    if (changed_) omp_set_num_threads(before_);
  }
  ComputeScope(const ComputeScope&) = delete;
  ComputeScope& operator=(const ComputeScope&) = delete;

 private:
  c10::InferenceMode inference_;
  bool changed_;
  int before_ = 0;
};

}  // namespace glint
