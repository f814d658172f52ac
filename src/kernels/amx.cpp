#include "kernels/amx.h"

#if defined(GLINT_X86_KERNELS) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace glint {

#if defined(GLINT_X86_KERNELS) && defined(__linux__)

Amx request_amx() {
  // Documentation/arch/x86/xstate.rst of Linux; the headers of older systems lack the names.
  constexpr long kRequestPermission = 0x1023;                                // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;                                             // XFEATURE_XTILE_DATA
  constexpr unsigned kBf16 = 1U << 22, kTiles = 1U << 24, kInt8 = 1U << 25;  // leaf 7, EDX
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kTiles) == 0) return {};
  if (::syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0) return {};
  return {.bf16 = (d & kBf16) != 0, .int8 = (d & kInt8) != 0};
}

#else

Amx request_amx() { return {}; }

#endif

}  // namespace glint
