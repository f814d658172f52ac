// What attention does between its two products.
#pragma once

#include "kernels/vector.h"

namespace glint {
namespace {

inline float soften(float* scores, std::int64_t count, std::int64_t padded) {
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = count; i < padded; ++i)
    scores[i] = scores[0];  // no larger than the largest
  Floats peaks = load<Floats>(scores);
  for (std::int64_t i = kLanes; i < padded; i += kLanes)
    peaks = larger(peaks, load<Floats>(scores + i));
  const float peak = largest_of(peaks);
  Floats sums{};
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    const Floats weight = exp(load<Floats>(scores + i) - peak);
    store(scores + i, weight);
    sums += weight;
  }
  float sum = sum_of(sums);
  if (whole < count) {
    const Floats weight = exp(load<Floats>(scores + whole) - peak);
    for (std::int64_t i = whole; i < count; ++i) sum += weight[i - whole];
    store_first(scores + whole, weight, count - whole);
  }
  for (std::int64_t i = count; i < padded; ++i) scores[i] = 0;
  return sum;
}

}  // namespace
}  // namespace glint
