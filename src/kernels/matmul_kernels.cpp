#include "kernels/matmul_kernels.h"

#include <array>

#include "kernels/amx.h"

namespace glint {
namespace {

struct Available {
  std::array<const MatmulKernels*, 3> f32{&matmul::kBaseline};
  std::size_t f32_count = 1;
  std::array<const MatmulKernels*, 2> bf16{}, int8{};
  std::size_t bf16_count = 0, int8_count = 0;
};

Available find_available() {
  Available found;
#if defined(GLINT_X86_KERNELS)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx2) found.f32[found.f32_count++] = &matmul::kAvx2;
  if (avx512) found.f32[found.f32_count++] = &matmul::kAvx512;
  if (avx512 && __builtin_cpu_supports("avx512bf16"))
    found.bf16[found.bf16_count++] = &matmul::kAvx512Bf16;
  if (avx512 && __builtin_cpu_supports("avx512vnni"))
    found.int8[found.int8_count++] = &matmul::kAvx512Vnni;
  if (found.bf16_count == 0) return found;  // no CPU has tiles without it
  const Amx amx = request_amx();
  if (amx.bf16) found.bf16[found.bf16_count++] = &matmul::kAmxBf16;
  if (amx.int8) found.int8[found.int8_count++] = &matmul::kAmxInt8;
#endif
  return found;
}

}  // namespace

std::span<const MatmulKernels* const> matmul_kernels(Operands operands) {
  static const Available available = find_available();
  if (operands == Operands::kBf16) return std::span(available.bf16).first(available.bf16_count);
  if (operands == Operands::kInt8) return std::span(available.int8).first(available.int8_count);
  return std::span(available.f32).first(available.f32_count);
}

}  // namespace glint
