#include "similarity/implementation.h"

#include <array>

namespace glint {
namespace {

struct Available {
  std::array<const Implementation*, 3> list{};
  std::size_t count = 0;
  void add(const Implementation& implementation) { list[count++] = &implementation; }
};

Available find_available() {
  Available found;
  found.add(similarity::kScalar);
#if defined(GLINT_X86_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
  if (avx2) found.add(similarity::kAvx2);
  if (avx2 && avx512) found.add(similarity::kAvx512);
#endif
  return found;
}

}  // namespace

std::span<const Implementation* const> implementations() {
  static const Available available = find_available();
  return std::span(available.list).first(available.count);
}

const Implementation& best_implementation() { return *implementations().back(); }

}  // namespace glint
