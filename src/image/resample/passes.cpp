#include "image/resample/passes.h"

#include <array>

namespace glint {
namespace {

struct Available {
  std::array<const ResampleImplementation*, 3> list{};
  std::size_t count = 0;
  void add(const ResampleImplementation& implementation) { list[count++] = &implementation; }
};

Available find_available() {
  Available found;
  found.add(resample::kScalar);
#if defined(GLINT_X86_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
                      __builtin_cpu_supports("avx512vnni");
  if (avx2) found.add(resample::kAvx2);
  if (avx2 && avx512) found.add(resample::kAvx512);
#endif
  return found;
}

}  // namespace

std::span<const ResampleImplementation* const> resample_implementations() {
  static const Available available = find_available();
  return std::span(available.list).first(available.count);
}

const ResampleImplementation& best_resample_implementation() {
  return *resample_implementations().back();
}

}  // namespace glint
