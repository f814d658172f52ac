#include "kernels/windows.h"

#include <algorithm>
#include <cstring>

namespace glint {
namespace {

constexpr std::int64_t kWorthAThread = 1 << 15;  // numbers

void copy(const float* from, std::int64_t count, float* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}

void gather(const float* pixels, const Windows& windows, std::int64_t index, float* row) {
  const std::int64_t across = windows.positions(1), down = windows.positions(0);
  const std::int64_t y = index / across % down * windows.stride[0] - windows.padding[0];
  const std::int64_t x = index % across * windows.stride[1] - windows.padding[1];
  const float* image =
      pixels + index / (across * down) * windows.size[0] * windows.size[1] * windows.channels;
  const std::int64_t line = windows.kernel[1] * windows.channels;
  // What of a line lies inside of the picture.
  const std::int64_t left = std::max<std::int64_t>(0, -x);
  const std::int64_t right = std::min(windows.kernel[1], windows.size[1] - x);
  for (std::int64_t i = 0; i < windows.kernel[0]; ++i, row += line) {
    const bool inside = y + i >= 0 && y + i < windows.size[0] && left < right;
    if (!inside) {
      std::fill_n(row, line, 0.0F);
      continue;
    }
    std::fill_n(row, left * windows.channels, 0.0F);
    copy(image + ((y + i) * windows.size[1] + x + left) * windows.channels,
         (right - left) * windows.channels, row + left * windows.channels);
    std::fill_n(row + right * windows.channels, line - right * windows.channels, 0.0F);
  }
}

}  // namespace

void gather_windows(const float* pixels, const Windows& windows, std::int64_t first,
                    std::int64_t last, float* rows) {
  const std::int64_t numbers = windows.numbers();
  const bool shared = (last - first) * numbers >= kWorthAThread;
#pragma omp parallel for if (shared)
  for (std::int64_t i = first; i < last; ++i) {
    gather(pixels, windows, i, rows + (i - first) * numbers);
  }
}

}  // namespace glint
