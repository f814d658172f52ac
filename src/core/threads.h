// How many threads a call computes with.
#pragma once

#include <omp.h>

namespace glint {

// `threads` OpenMP threads (0: as many as the host program has set) for what the calling thread
// computes. OpenMP keeps the count for each calling thread, so no other thread of the program is
// affected; the host's count is there again at the end.
class OpenMpThreads {
 public:
  explicit OpenMpThreads(int threads) : before_(omp_get_max_threads()) {
    if (threads > 0) omp_set_num_threads(threads);
  }
  ~OpenMpThreads() { omp_set_num_threads(before_); }
  OpenMpThreads(const OpenMpThreads&) = delete;
  OpenMpThreads& operator=(const OpenMpThreads&) = delete;

 private:
  int before_;
};

}  // namespace glint
