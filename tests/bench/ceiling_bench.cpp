// What this machine does at most, to hold a tower's time against: multiply-adds whose numbers stay
// in registers, with the instructions that each precision computes with, and memory that is read
// once. On --threads threads; an operation is half a multiply-add.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "bench_package.h"
#include "kernels/amx.h"

namespace glint::bench {
namespace {

constexpr std::int64_t kSteps = 1 << 20;  // of a call's loop

// Runs work(thread) on all threads at once.
template <typename Work>
void on_all_threads(const Work& work) {
  std::vector<std::jthread> others;
  for (int i = 1; i < threads(); ++i) others.emplace_back([&work, i] { work(i); });
  work(0);
}

#if defined(__x86_64__)

// Each does kSteps steps, none of which waits for the one before.
struct Instruction {
  const char* name;
  bool (*exists)();
  std::int64_t operations;  // of a step
  void (*run)();
};

// Keeps the compiler from knowing, and so from folding, what a register holds.
#define GLINT_OPAQUE(value) asm volatile("" : "+x"(value))
#define GLINT_OPAQUE_512(value) asm volatile("" : "+v"(value))

__attribute__((target("avx2,fma"))) void avx2_f32() {
  __m256 sums[12]{}, factor = _mm256_set1_ps(0.5F);
  for (__m256& sum : sums) GLINT_OPAQUE(sum);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(factor, factor, sum);
    GLINT_OPAQUE(factor);
  }
  for (__m256& sum : sums) GLINT_OPAQUE(sum);
}

__attribute__((target("avx512f"))) void avx512_f32() {
  __m512 sums[16]{}, factor = _mm512_set1_ps(0.5F);
  for (__m512& sum : sums) GLINT_OPAQUE_512(sum);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(factor, factor, sum);
    GLINT_OPAQUE_512(factor);
  }
  for (__m512& sum : sums) GLINT_OPAQUE_512(sum);
}

__attribute__((target("avx512f,avx512bf16"))) void avx512_bf16() {
  __m512 sums[16]{};
  __m512bh factor{};
  for (__m512& sum : sums) GLINT_OPAQUE_512(sum);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, factor, factor);
    GLINT_OPAQUE_512(factor);
  }
  for (__m512& sum : sums) GLINT_OPAQUE_512(sum);
}

__attribute__((target("avx512f,avx512vnni"))) void avx512_int8() {
  __m512i sums[16]{}, factor{};
  for (__m512i& sum : sums) GLINT_OPAQUE_512(sum);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, factor, factor);
    GLINT_OPAQUE_512(factor);
  }
  for (__m512i& sum : sums) GLINT_OPAQUE_512(sum);
}

// All eight tiles of 16 rows of 64 bytes.
__attribute__((target("amx-tile"))) void shape_tiles() {
  struct alignas(64) Shapes {
    std::uint8_t palette = 1, start = 0, reserved[14]{};
    std::uint16_t row_bytes[16]{64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16]{16, 16, 16, 16, 16, 16, 16, 16};
  };
  static constexpr Shapes kShapes;
  _tile_loadconfig(&kShapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(6);
  _tile_zero(7);
}

__attribute__((target("amx-tile,amx-bf16"))) void amx_bf16() {
  shape_tiles();
  for (std::int64_t i = 0; i < kSteps; ++i) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
  }
  _tile_release();
}

__attribute__((target("amx-tile,amx-int8"))) void amx_int8() {
  shape_tiles();
  for (std::int64_t i = 0; i < kSteps; ++i) {
    _tile_dpbusd(0, 6, 7);
    _tile_dpbusd(1, 6, 7);
    _tile_dpbusd(2, 6, 7);
    _tile_dpbusd(3, 6, 7);
  }
  _tile_release();
}

void multiply_add(benchmark::State& state, const Instruction& instruction) {
  for (auto round : state) on_all_threads([&](int) { instruction.run(); });
  const auto operations = static_cast<double>(state.iterations() * threads()) *
                          static_cast<double>(kSteps * instruction.operations);
  state.counters["operations"] = benchmark::Counter(operations, benchmark::Counter::kIsRate);
}

#define GLINT_HAS(feature) [] { return __builtin_cpu_supports(feature) != 0; }

const bool registered = [] {
  static constexpr Instruction kInstructions[] = {
      {"ceiling/f32/avx2", GLINT_HAS("avx2"), 12 * 8 * 2, &avx2_f32},
      {"ceiling/f32/avx512", GLINT_HAS("avx512f"), 16 * 16 * 2, &avx512_f32},
      {"ceiling/bf16/avx512", GLINT_HAS("avx512bf16"), 16 * 32 * 2, &avx512_bf16},
      {"ceiling/bf16/amx", [] { return request_amx().bf16; }, 4 * 16 * 16 * 32 * 2, &amx_bf16},
      {"ceiling/int8/avx512", GLINT_HAS("avx512vnni"), 16 * 64 * 2, &avx512_int8},
      {"ceiling/int8/amx", [] { return request_amx().int8; }, 4 * 16 * 16 * 64 * 2, &amx_int8},
  };
  for (const Instruction& instruction : kInstructions) {
    if (!instruction.exists()) continue;
    benchmark::RegisterBenchmark(instruction.name, multiply_add, instruction)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

#endif

// More than any cache holds, each thread its part.
void read_memory(benchmark::State& state) {
  const std::vector<std::int64_t> numbers(std::size_t{64} << 20, 1);  // 512 MiB
  const std::size_t part = numbers.size() / static_cast<std::size_t>(threads());
  for (auto round : state) {
    on_all_threads([&](int thread) {
      const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(part) * thread;
      std::int64_t sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(part), 0L);
      benchmark::DoNotOptimize(sum);
    });
  }
  state.SetBytesProcessed(state.iterations() * std::ssize(numbers) * 8);
}
BENCHMARK(read_memory)->Name("ceiling/memory")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glint::bench
