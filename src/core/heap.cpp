#include "core/heap.h"

#include <cstdlib>  // defines __GLIBC__, where it is glibc

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace glint {

void return_freed_memory() noexcept {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

}  // namespace glint
