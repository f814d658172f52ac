// The windows of a convolution as rows of a product.
#pragma once

#include <array>
#include <cstdint>

namespace glint {

using Pair = std::array<std::int64_t, 2>;  // down, across

// Of pixels [batch, size[0], size[1], channels].
struct Windows {
  std::int64_t batch, channels;
  Pair size, kernel, stride, padding;

  // Positions of the kernel; less than 1 where it does not fit.
  std::int64_t positions(std::size_t axis) const {
    const std::int64_t room = size[axis] + 2 * padding[axis] - kernel[axis];
    return room < 0 ? 0 : room / stride[axis] + 1;
  }
  std::int64_t count() const { return batch * positions(0) * positions(1); }
  std::int64_t numbers() const { return kernel[0] * kernel[1] * channels; }  // of a window
};

// Windows `first` to `last`, in order of batch, row and column -> rows [last - first, numbers()],
// zeros where a window hangs over the edge. Uses the OpenMP threads of the thread that calls.
void gather_windows(const float* pixels, const Windows& windows, std::int64_t first,
                    std::int64_t last, float* rows);

}  // namespace glint
