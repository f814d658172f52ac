#include "kernels/packed_matmul.h"

#include <omp.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/check.h"

namespace glint {
namespace {

constexpr std::int64_t kWorthAThread = 1 << 17;  // products: some ten microseconds
constexpr std::int64_t kLinesAStep = 16;         // a panel's cache lines in 8 words of depth

// Words from a prepared row to the next: a stride of whole pages would put all rows of a tile into
// the same few sets of the first cache.
std::int64_t padded(std::int64_t depth) { return depth % 512 == 0 ? depth + 16 : depth; }

const MatmulKernels& best_kernels(Operands operands) {
  const auto kernels = matmul_kernels(operands);
  if (kernels.empty()) fail(ErrorCode::kInternal, "expected operands that this CPU multiplies");
  return *kernels.back();
}

}  // namespace

bool has_operands(Operands operands) { return !matmul_kernels(operands).empty(); }

// One call: rows cut in tiles of nearly equal height.
struct PackedMatmul::Call {
  const std::uint32_t* x;
  std::int64_t x_stride;  // words
  const float* scales;    // a row's
  std::int64_t rows;
  std::int64_t tiles;
  const MatmulSteps& steps;
  float* y;

  std::int64_t first_row(std::int64_t tile) const { return tile * rows / tiles; }
};

PackedMatmul::PackedMatmul(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, const MatmulKernels& kernels)
    : kernels_(kernels),
      in_(in),
      out_(out),
      weights_(pack_weights(weight, bias, in, out, kernels)) {}

PackedMatmul::PackedMatmul(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, Operands operands)
    : PackedMatmul(weight, bias, in, out, best_kernels(operands)) {}

// Tiles `first` to `last` of all, the tiles of a panel one after the other.
void PackedMatmul::multiply(const Call& call, std::int64_t first, std::int64_t last) const {
  const std::int64_t columns = kernels_.columns;
  const bool quantized = kernels_.operands == Operands::kInt8;
  for (std::int64_t i = first; i < last; ++i) {
    const std::int64_t panel = i / call.tiles, tile = i % call.tiles, column = panel * columns;
    const std::int64_t row = call.first_row(tile);
    const std::int64_t place = row * out_ + column;
    // What is left of the panel's tiles reads the next panel, each its share.
    const std::int64_t lines = divide_up(kLinesAStep, call.tiles);
    const bool ahead = panel + 1 < weights_.panels && tile * lines < kLinesAStep;
    const std::int64_t skipped = weights_.depth / 8 * tile * lines * 16;
    kernels_.multiply({.x = call.x + row * call.x_stride,
                       .x_stride = call.x_stride,
                       .rows = call.first_row(tile + 1) - row,
                       .panel = weights_.panel(panel, columns),
                       .depth = weights_.depth,
                       .bias = weights_.bias.empty() ? nullptr : weights_.bias.data() + column,
                       .activation = call.steps.activation,
                       .other = call.steps.other == nullptr ? nullptr : call.steps.other + place,
                       .rectify = call.steps.rectify,
                       .y = call.y + place,
                       .y_stride = out_,
                       .columns = std::min(columns, out_ - column),
                       .row_scales = quantized ? call.scales + row : nullptr,
                       .column_scales = quantized ? weights_.scales.data() + column : nullptr,
                       .corrections = quantized ? weights_.corrections.data() + column : nullptr,
                       .ahead = ahead ? weights_.panel(panel + 1, columns) + skipped : nullptr,
                       .ahead_lines = ahead ? lines : 0});
  }
}

void PackedMatmul::run(const float* x, std::int64_t rows, const MatmulSteps& steps,
                       float* y) const {
  if (rows == 0) return;
  const std::int64_t depth = weights_.depth;
  const bool prepares =
      steps.norm != nullptr || kernels_.operands != Operands::kF32 || depth % 1024 == 0;
  const std::int64_t stride = prepares ? padded(depth) : depth;
  const auto words = std::make_unique_for_overwrite<std::uint32_t[]>(
      static_cast<std::size_t>(prepares ? rows * stride : 0));
  std::vector<float> scales(static_cast<std::size_t>(prepares ? rows : 0));
  const Call call{.x = prepares ? words.get() : reinterpret_cast<const std::uint32_t*>(x),
                  .x_stride = stride,
                  .scales = scales.data(),
                  .rows = rows,
                  .tiles = divide_up(rows, kernels_.rows),
                  .steps = steps,
                  .y = y};
  const std::int64_t all = weights_.panels * call.tiles;
  const bool shared = rows * in_ * out_ >= kWorthAThread;
#pragma omp parallel if (shared)
  {
    const std::int64_t threads = omp_get_num_threads(), me = omp_get_thread_num();
    if (prepares) {
      for (std::int64_t r = me * rows / threads; r < (me + 1) * rows / threads; ++r) {
        std::uint32_t* row = words.get() + r * stride;
        row[depth - 1] = 0;  // which the numbers may not fill
        scales[static_cast<std::size_t>(r)] = kernels_.prepare(x + r * in_, in_, steps.norm, row);
      }
#pragma omp barrier
    }
    multiply(call, me * all / threads, (me + 1) * all / threads);
  }
}

}  // namespace glint
