// The sums and differences around the products of winograd.h, for all instruction sets.
#pragma once

#include "kernels/matmul_kernels.h"
#include "kernels/matmul_prepare.h"
#include "kernels/matmul_tile.h"
#include "kernels/vector.h"

namespace glint {
namespace {

using Four = std::array<Floats, 4>;

// B^T d
inline Four winograd_in(const Four& d) {
  return {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
}

// A^T m
inline std::array<Floats, 2> winograd_out(const Four& m) {
  return {m[0] + m[1] + m[2], m[1] - m[2] - m[3]};
}

void to_winograd(const std::array<const float*, 16>& pixels, std::int64_t channels, float* rows,
                 std::int64_t stride) {
  by_vectors(channels, [&](std::int64_t k, std::int64_t count) {
    std::array<Four, 4> lines;  // by columns of the tile
    for (std::size_t x = 0; x < 4; ++x) {
      Four column;
      for (std::size_t y = 0; y < 4; ++y) column[y] = row_part(pixels[4 * y + x], k, count);
      lines[x] = winograd_in(column);
    }
    for (std::size_t y = 0; y < 4; ++y) {
      const Four line = winograd_in({lines[0][y], lines[1][y], lines[2][y], lines[3][y]});
      for (std::size_t x = 0; x < 4; ++x) {
        float* to = rows + static_cast<std::int64_t>(4 * y + x) * stride + k;
        if (count == kLanes) {
          store(to, line[x]);
        } else {
          store_first(to, line[x], count);
        }
      }
    }
  });
}

void from_winograd(const WinogradSums& from) {
  by_vectors(from.steps.columns, [&](std::int64_t k, std::int64_t count) {
    std::array<std::array<Floats, 2>, 4> lines;  // by columns of the tile
    for (std::size_t x = 0; x < 4; ++x) {
      Four column;
      for (std::size_t y = 0; y < 4; ++y) {
        column[y] =
            row_part(from.sums, static_cast<std::int64_t>(4 * y + x) * from.stride + k, count);
      }
      lines[x] = winograd_out(column);
    }
    for (std::size_t y = 0; y < 2; ++y) {
      const auto line = winograd_out({lines[0][y], lines[1][y], lines[2][y], lines[3][y]});
      for (std::size_t x = 0; x < 2; ++x) {
        const std::int64_t place = from.places[2 * y + x];
        if (place >= 0) complete(line[x], from.steps, place + k, k);
      }
    }
  });
}

}  // namespace
}  // namespace glint
