#include "kernels/winograd.h"

#include <omp.h>

#include <algorithm>

#include "core/call_memory.h"
#include "kernels/caches.h"

namespace glint {
namespace {

constexpr std::int64_t kProducts = 16;
constexpr std::int64_t kMostTileRows = 8;  // of the products of one chunk

// G g G^T of one 3 x 3 kernel.
std::array<float, kProducts> transformed(const float* kernel) {
  using Line = std::array<float, 4>;
  const auto spread = [](float a, float b, float c) {
    return Line{a, 0.5F * (a + b + c), 0.5F * (a - b + c), c};
  };
  std::array<Line, 3> columns;
  for (std::size_t x = 0; x < 3; ++x) columns[x] = spread(kernel[x], kernel[3 + x], kernel[6 + x]);
  std::array<float, kProducts> result{};
  for (std::size_t y = 0; y < 4; ++y) {
    const Line line = spread(columns[0][y], columns[1][y], columns[2][y]);
    std::ranges::copy(line, result.begin() + static_cast<std::ptrdiff_t>(4 * y));
  }
  return result;
}

}  // namespace

// Tiles of 2 x 2 outputs, in order of image, row and column.
struct WinogradConvolution::Call {
  const float* pixels;
  const Windows& windows;
  const MatmulSteps& steps;
  float* y;
  std::int64_t down = divide_up(windows.positions(0), 2);
  std::int64_t across = divide_up(windows.positions(1), 2);

  std::int64_t tiles() const { return windows.batch * down * across; }

  // The tile's 4 x 4 pixels; `outside` for those that the picture lacks.
  std::array<const float*, 16> pixels_of(std::int64_t tile, const float* outside) const {
    const std::int64_t top = tile / across % down * 2 - windows.padding[0];
    const std::int64_t left = tile % across * 2 - windows.padding[1];
    const float* image =
        pixels + tile / (down * across) * windows.size[0] * windows.size[1] * windows.channels;
    std::array<const float*, 16> found;
    for (std::int64_t i = 0; i < 16; ++i) {
      const std::int64_t row = top + i / 4, column = left + i % 4;
      const bool inside =
          row >= 0 && row < windows.size[0] && column >= 0 && column < windows.size[1];
      found[static_cast<std::size_t>(i)] =
          inside ? image + (row * windows.size[1] + column) * windows.channels : outside;
    }
    return found;
  }

  // Where its 2 x 2 outputs begin in y; -1 for those that hang over.
  std::array<std::int64_t, 4> places_of(std::int64_t tile, std::int64_t out) const {
    const std::int64_t top = tile / across % down * 2, left = tile % across * 2;
    const std::int64_t image = tile / (down * across) * windows.positions(0);
    std::array<std::int64_t, 4> places;
    for (std::int64_t i = 0; i < 4; ++i) {
      const std::int64_t row = top + i / 2, column = left + i % 2;
      const bool inside = row < windows.positions(0) && column < windows.positions(1);
      places[static_cast<std::size_t>(i)] =
          inside ? ((image + row) * windows.positions(1) + column) * out : -1;
    }
    return places;
  }
};

WinogradConvolution::WinogradConvolution(const float* weight, const float* bias, std::int64_t in,
                                         std::int64_t out, const MatmulKernels& kernels)
    : kernels_(kernels), in_(in), out_(out), zeros_(static_cast<std::size_t>(in)) {
  if (bias != nullptr) {
    bias_.resize(static_cast<std::size_t>(round_up(out, kernels.columns)));
    std::copy_n(bias, out, bias_.begin());
  }
  const auto numbers = static_cast<std::size_t>(in * out);
  std::vector<float> all(kProducts * numbers);  // [16, out, in]
  for (std::size_t i = 0; i < numbers; ++i) {
    const auto values = transformed(weight + 9 * i);
    for (std::size_t p = 0; p < values.size(); ++p) all[p * numbers + i] = values[p];
  }
  for (std::size_t p = 0; p < weights_.size(); ++p) {
    weights_[p] =
        std::make_unique<PackedMatmul>(all.data() + p * numbers, nullptr, in, out, kernels);
  }
}

// Tiles that are computed at once.
struct WinogradConvolution::Chunk {
  const Call& call;
  std::int64_t first, count;
  float* rows;  // [16, count, in]
  float* sums;  // [16, count, out]
};

// The rows of the chunk's tiles `first` to `last`.
void WinogradConvolution::spread(const Chunk& chunk, std::int64_t first, std::int64_t last) const {
  for (std::int64_t i = first; i < last; ++i) {
    kernels_.to_winograd(chunk.call.pixels_of(chunk.first + i, zeros_.data()), in_,
                         chunk.rows + i * in_, chunk.count * in_);
  }
}

void WinogradConvolution::multiply(const Chunk& chunk, std::int64_t product) const {
  weights_[static_cast<std::size_t>(product)]->run(chunk.rows + product * chunk.count * in_,
                                                   chunk.count, {},
                                                   chunk.sums + product * chunk.count * out_);
}

// What the sums of the chunk's tiles `first` to `last` make of y.
void WinogradConvolution::collect(const Chunk& chunk, std::int64_t first, std::int64_t last) const {
  const Call& call = chunk.call;
  WinogradSums from{.stride = chunk.count * out_,
                    .steps = {.bias = bias_.empty() ? nullptr : bias_.data(),
                              .activation = call.steps.activation,
                              .other = call.steps.other,
                              .rectify = call.steps.rectify,
                              .y = call.y,
                              .columns = out_}};
  for (std::int64_t i = first; i < last; ++i) {
    from.sums = chunk.sums + i * out_;
    from.places = call.places_of(chunk.first + i, out_);
    kernels_.from_winograd(from);
  }
}

void WinogradConvolution::run(const float* pixels, const Windows& windows, const MatmulSteps& steps,
                              float* y) const {
  const Call call{.pixels = pixels, .windows = windows, .steps = steps, .y = y};
  const std::int64_t tiles = call.tiles(), threads = omp_get_max_threads();
  if (tiles == 0) return;
  // What the second cache holds, in whole tiles of the products.
  const std::int64_t most = std::clamp<std::int64_t>(
      second_cache_bytes() / (kProducts * (in_ + out_) * 4) / kernels_.rows, 1, kMostTileRows);
  const std::int64_t least = divide_up(tiles, most * kernels_.rows);
  const bool together = least == 1;
  const std::int64_t chunks = together ? 1 : std::min(tiles, round_up(least, threads));
  const std::int64_t size = divide_up(tiles, chunks);
  const auto scratch =
      CallMemory::take_for<float>((together ? 1 : threads) * kProducts * size * (in_ + out_));
  const auto chunk_of = [&](std::int64_t i, std::int64_t place) {
    float* rows = scratch.data<float>() + place * kProducts * size * (in_ + out_);
    const std::int64_t first = i * tiles / chunks, count = (i + 1) * tiles / chunks - first;
    return Chunk{call, first, count, rows, rows + kProducts * size * in_};
  };
#pragma omp parallel
  {
    const std::int64_t team = omp_get_num_threads(), me = omp_get_thread_num();
    if (together) {  // few tiles: each thread takes some of the products, whose weights are many
      const Chunk chunk = chunk_of(0, 0);
      spread(chunk, me * tiles / team, (me + 1) * tiles / team);
#pragma omp barrier
#pragma omp for schedule(dynamic)
      for (std::int64_t p = 0; p < kProducts; ++p) multiply(chunk, p);
      collect(chunk, me * tiles / team, (me + 1) * tiles / team);
    } else {
#pragma omp for schedule(dynamic) nowait
      for (std::int64_t i = 0; i < chunks; ++i) {
        const Chunk chunk = chunk_of(i, me);
        spread(chunk, 0, chunk.count);
        for (std::int64_t p = 0; p < kProducts; ++p) multiply(chunk, p);
        collect(chunk, 0, chunk.count);
      }
    }
  }
}

}  // namespace glint
