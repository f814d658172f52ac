// Arithmetic on embeddings of 512 numbers.
#include <benchmark/benchmark.h>
#include <glint/index.h>
#include <glint/similarity.h>

#include "cli/drawn.h"

namespace glint::bench {
namespace {

using cli::drawn_floats;

constexpr std::int64_t kDim = 512;

// Scores of Q queries against N rows.
void dot_matrix(benchmark::State& state) {
  const std::int64_t queries = state.range(0), rows = state.range(1);
  const auto a = drawn_floats(queries * kDim), b = drawn_floats(rows * kDim);
  std::vector<float> out(static_cast<std::size_t>(queries * rows));
  for (auto round : state) {
    glint::dot_matrix(a, b, kDim, out);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * queries * rows);
}
BENCHMARK(dot_matrix)
    ->ArgNames({"Q", "N"})
    ->Args({1, 1'000})
    ->Args({1, 100'000})
    ->Args({64, 1'000})
    ->Unit(benchmark::kMillisecond);

// The ten best of N scores.
void top_k(benchmark::State& state) {
  const auto scores = drawn_floats(state.range(0));
  for (auto round : state) benchmark::DoNotOptimize(glint::top_k(scores, 10));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(top_k)->ArgName("N")->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void normalize_rows(benchmark::State& state) {
  auto rows = drawn_floats(state.range(0) * kDim);
  for (auto round : state) {
    glint::normalize_rows(rows, kDim);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(normalize_rows)->ArgName("N")->Arg(1'000)->Unit(benchmark::kMillisecond);

// The ten best rows of 100,000 for Q queries, by each storage.
void index_search(benchmark::State& state, IndexStorage storage) {
  constexpr std::int64_t kRows = 100'000;
  auto rows = drawn_floats(kRows * kDim);
  glint::normalize_rows(rows, kDim);
  const auto index = Index::build(rows, kDim, storage);
  rows.resize(static_cast<std::size_t>(state.range(0) * kDim));
  for (auto round : state) benchmark::DoNotOptimize(index.search(rows, 10));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(index_search, f32, IndexStorage::kF32)
    ->ArgName("Q")
    ->Arg(1)
    ->Arg(64)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(index_search, bf16, IndexStorage::kBf16)
    ->ArgName("Q")
    ->Arg(1)
    ->Arg(64)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(index_search, int8, IndexStorage::kInt8)
    ->ArgName("Q")
    ->Arg(1)
    ->Arg(64)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glint::bench
