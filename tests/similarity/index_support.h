// Rows to search, and the plain search that an index must agree with.
#pragma once

#include <glint/index.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace glint::test {

inline constexpr IndexStorage kStorages[] = {IndexStorage::kF32, IndexStorage::kBf16,
                                             IndexStorage::kInt8};

inline std::vector<float> random_rows(std::size_t n, std::size_t d, unsigned seed,
                                      float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> rows(n * d);
  for (float& v : rows) v = scale * normal(random);
  return rows;
}

// All scores in f64, rounded to f32, sorted: what include/glint/index.h promises. The sums are in
// long double, so that a summation order of our own cannot hide in both.
inline std::vector<Hit> plain_search(std::span<const float> rows, std::span<const float> query,
                                     std::int64_t k) {
  const std::size_t d = query.size();
  std::vector<Hit> hits;
  for (std::size_t i = 0; i * d < rows.size(); ++i) {
    long double sum = 0;
    for (std::size_t c = 0; c < d; ++c) {
      sum += static_cast<long double>(rows[i * d + c]) * static_cast<long double>(query[c]);
    }
    hits.push_back({static_cast<std::int64_t>(i), static_cast<float>(static_cast<double>(sum))});
  }
  std::ranges::stable_sort(hits, [](const Hit& a, const Hit& b) { return a.score > b.score; });
  hits.resize(std::min(hits.size(), static_cast<std::size_t>(k)));
  return hits;
}

}  // namespace glint::test
