#include "kernels/caches.h"

#include <unistd.h>

namespace glint {

std::int64_t second_cache_bytes() {
#if defined(_SC_LEVEL2_CACHE_SIZE)
  static const std::int64_t cache = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  static const std::int64_t cache = 0;
#endif
  return cache > 0 ? cache : 1 << 20;
}

}  // namespace glint
