#include "kernels/planes.h"

#include <algorithm>

namespace glint {
namespace {

constexpr std::int64_t kSide = 16;  // of a block: a cache line of either side

}  // namespace

void to_planes(const float* pixels, std::int64_t batch, std::int64_t count, std::int64_t channels,
               float* planes) {
  const std::int64_t blocks = (count + kSide - 1) / kSide;
#pragma omp parallel for
  for (std::int64_t i = 0; i < batch * blocks; ++i) {
    const std::int64_t first = i % blocks * kSide, last = std::min(first + kSide, count);
    const float* from = pixels + i / blocks * count * channels;
    float* to = planes + i / blocks * count * channels;
    for (std::int64_t c = 0; c < channels; c += kSide) {
      const std::int64_t end = std::min(c + kSide, channels);
      for (std::int64_t k = c; k < end; ++k) {
        for (std::int64_t p = first; p < last; ++p) to[k * count + p] = from[p * channels + k];
      }
    }
  }
}

}  // namespace glint
