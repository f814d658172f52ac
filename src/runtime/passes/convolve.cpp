#include "runtime/passes/convolve.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace glint::passes {
namespace {

constexpr std::int64_t kChunk = 1 << 19;  // numbers of windows at a time: 2 MB, a second cache

at::Tensor channels_last(const at::Tensor& tensor) { return tensor.permute({0, 2, 3, 1}); }

Windows windows_of(const at::Tensor& pixels, const ConvolutionStep& step) {
  TORCH_CHECK(pixels.dim() == 4, "expected pixels of rank 4, got ", pixels.dim());
  const Windows windows{.batch = pixels.size(0),
                        .channels = pixels.size(1),
                        .size = {pixels.size(2), pixels.size(3)},
                        .kernel = step.kernel,
                        .stride = step.stride,
                        .padding = step.padding};
  TORCH_CHECK(
      windows.numbers() == step.layer->in_features() && pixels.scalar_type() == at::kFloat &&
          windows.positions(0) > 0 && windows.positions(1) > 0,
      "expected float pixels of ", step.layer->in_features() / (step.kernel[0] * step.kernel[1]),
      " channels, no smaller than the kernel ", step.kernel[0], " x ", step.kernel[1], ", got ",
      pixels.sizes());
  return windows;
}

// y [windows, out] of the windows of `pixels`, a chunk of them at a time.
void run_in_chunks(const at::Tensor& pixels, const Windows& windows, const PackedLinear& layer,
                   const LinearSteps& steps, const at::Tensor& y) {
  const std::int64_t rows =
      std::clamp<std::int64_t>(kChunk / windows.numbers(), 1, windows.count());
  const at::Tensor chunk = at::empty({rows, windows.numbers()}, pixels.options());
  const at::Tensor other =
      steps.other.defined() ? steps.other.view({windows.count(), -1}) : at::Tensor();
  for (std::int64_t first = 0; first < windows.count(); first += rows) {
    const std::int64_t count = std::min(rows, windows.count() - first);
    gather_windows(pixels.const_data_ptr<float>(), windows, first, first + count,
                   chunk.mutable_data_ptr<float>());
    LinearSteps part = steps;
    if (other.defined()) part.other = other.narrow(0, first, count);
    layer.run_into(chunk.narrow(0, 0, count), part, y.narrow(0, first, count));
  }
}

}  // namespace

at::Tensor convolve(const at::Tensor& pixels, const ConvolutionStep& step, LinearSteps steps) {
  const Windows windows = windows_of(pixels, step);
  const at::Tensor rows = channels_last(pixels).contiguous();
  const at::Tensor y = at::empty(
      {windows.batch, windows.positions(0), windows.positions(1), step.layer->out_features()},
      rows.options());
  const at::Tensor sum = y.permute({0, 3, 1, 2});
  const at::Tensor other = std::move(steps.other);
  steps.other = at::Tensor();
  const bool same =
      other.defined() && other.sizes() == sum.sizes() && other.scalar_type() == at::kFloat;
  if (same) steps.other = channels_last(other).contiguous();
  const bool late = other.defined() && !same;
  const bool rectify = steps.rectify;
  steps.rectify = rectify && !late;
  const bool whole = windows.numbers() == windows.channels && step.stride == Pair{1, 1} &&
                     step.padding == Pair{0, 0};
  if (whole) {
    step.layer->run_into(rows, steps, y);
  } else {
    run_in_chunks(rows, windows, *step.layer, steps, y.view({windows.count(), -1}));
  }
  if (!late) return sum;
  const at::Tensor added = at::add(sum, other);
  return rectify ? added.clamp_min(0) : added;
}

}  // namespace glint::passes
