#include "runtime/passes/packed_convolution.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "runtime/passes/sum.h"
#include "runtime/passes/trial.h"

namespace glint::passes {
namespace {

constexpr std::int64_t kChunk = 1 << 19;  // numbers of windows at a time: 2 MB, a second cache
// Winograd's weights are 16 / 9 of the plain ones: large ones come from memory, which a picture's
// few pixels behind them do not pay back.
constexpr std::int64_t kMostWinogradWeights = 1 << 18;

at::Tensor channels_last(const at::Tensor& tensor) { return tensor.permute({0, 2, 3, 1}); }

// [out, channels, down, across] as rows of [down, across, channels].
at::Tensor matrix_of(const at::Tensor& weight) {
  return weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1}).contiguous();
}

}  // namespace

PackedConvolution::PackedConvolution(const at::Tensor& weight, const at::Tensor& bias,
                                     const ConvolutionStep& step, Operands operands)
    : channels_(weight.size(1)),
      out_(weight.size(0)),
      kernel_{weight.size(2), weight.size(3)},
      step_(step) {
  const float* added = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
  const MatmulKernels& kernels = best_kernels(operands);
  const bool small = channels_ * out_ <= kMostWinogradWeights;
  if (small && WinogradConvolution::takes(kernels, kernel_, step.stride, channels_)) {
    products_.emplace<WinogradConvolution>(weight.contiguous().const_data_ptr<float>(), added,
                                           channels_, out_, kernels);
  } else {
    const at::Tensor matrix = matrix_of(weight);
    const auto* rows = matrix.const_data_ptr<float>();
    if (DirectConvolution::takes(kernels, kernel_, step.stride, channels_)) {
      products_.emplace<DirectConvolution>(rows, added, kernel_, channels_, out_, kernels);
    } else {
      products_.emplace<PackedMatmul>(rows, added, matrix.size(1), out_, kernels);
    }
  }
  // Three windows down and four across, the first and last of which hang over the edge.
  const auto side = [&](std::size_t axis, std::int64_t windows) {
    return std::max<std::int64_t>(
        1, (windows - 1) * step.stride[axis] + kernel_[axis] - 2 * step.padding[axis]);
  };
  const at::Tensor trial = at::randn({1, channels_, side(0, 3), side(1, 4)});
  expect_close(run(trial, {}), at::conv2d(trial, weight, bias, step.stride, step.padding), operands,
               "convolution", weight.sizes());
}

Windows PackedConvolution::windows_of(const at::Tensor& pixels) const {
  TORCH_CHECK(pixels.dim() == 4, "expected pixels of rank 4, got ", pixels.dim());
  const Windows windows{.batch = pixels.size(0),
                        .channels = pixels.size(1),
                        .size = {pixels.size(2), pixels.size(3)},
                        .kernel = kernel_,
                        .stride = step_.stride,
                        .padding = step_.padding};
  TORCH_CHECK(windows.channels == channels_ && pixels.scalar_type() == at::kFloat &&
                  windows.positions(0) > 0 && windows.positions(1) > 0,
              "expected float pixels of ", channels_, " channels, no smaller than the kernel ",
              kernel_[0], " x ", kernel_[1], ", got ", pixels.sizes());
  return windows;
}

// y [windows, out] of the windows of `pixels`, a chunk of them at a time.
void PackedConvolution::run_in_chunks(const PackedMatmul& matmul, const float* pixels,
                                      const Windows& windows, const MatmulSteps& steps,
                                      float* y) const {
  const std::int64_t rows =
      std::clamp<std::int64_t>(kChunk / windows.numbers(), 1, windows.count());
  const auto chunk =
      std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(rows * windows.numbers()));
  for (std::int64_t first = 0; first < windows.count(); first += rows) {
    const std::int64_t count = std::min(rows, windows.count() - first);
    gather_windows(pixels, windows, first, first + count, chunk.get());
    MatmulSteps part = steps;
    if (part.other != nullptr) part.other += first * out_;
    matmul.run(chunk.get(), count, part, y + first * out_);
  }
}

void PackedConvolution::run_into(const float* pixels, const Windows& windows,
                                 const MatmulSteps& steps, float* y) const {
  if (const auto* winograd = std::get_if<WinogradConvolution>(&products_)) {
    winograd->run(pixels, windows, steps, y);
  } else if (const auto* direct = std::get_if<DirectConvolution>(&products_)) {
    direct->run(pixels, windows, steps, y);
  } else {
    const auto& matmul = std::get<PackedMatmul>(products_);
    const bool whole = windows.numbers() == windows.channels && step_.stride == Pair{1, 1} &&
                       step_.padding == Pair{0, 0};
    if (whole) {
      matmul.run(pixels, windows.count(), steps, y);
    } else {
      run_in_chunks(matmul, pixels, windows, steps, y);
    }
  }
}

at::Tensor PackedConvolution::run(const at::Tensor& pixels, LinearSteps steps) const {
  const Windows windows = windows_of(pixels);
  const std::int64_t down = windows.positions(0), across = windows.positions(1);
  at::Tensor late = std::exchange(steps.other, {});
  at::Tensor other;
  if (late.defined() && late.sizes() == at::IntArrayRef{windows.batch, out_, down, across} &&
      late.scalar_type() == at::kFloat) {
    other = channels_last(std::exchange(late, {})).contiguous();
  }
  const at::Tensor rows = channels_last(pixels).contiguous();
  const at::Tensor y = room_for_sum(other, {windows.batch, down, across, out_}, rows.options());
  run_into(rows.const_data_ptr<float>(), windows,
           {.activation = steps.activation,
            .other = other.defined() ? other.const_data_ptr<float>() : nullptr,
            .rectify = steps.rectify && !late.defined()},
           y.mutable_data_ptr<float>());
  return add_broadcast(y.permute({0, 3, 1, 2}), late, steps.rectify);
}

}  // namespace glint::passes
