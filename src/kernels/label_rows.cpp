#include "kernels/label_rows.h"

namespace glint {
namespace {

struct Available {
  std::array<const LabelRowKernels*, 3> kernels{&label_rows::kBaseline};
  std::size_t count = 1;
};

Available find_available() {
  Available found;
#if defined(GLINT_X86_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx2) found.kernels[found.count++] = &label_rows::kAvx2;
  if (avx512) found.kernels[found.count++] = &label_rows::kAvx512;
#endif
  return found;
}

}  // namespace

std::span<const LabelRowKernels* const> label_row_kernels() {
  static const Available available = find_available();
  return std::span(available.kernels).first(available.count);
}

}  // namespace glint
