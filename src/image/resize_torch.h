// torch.nn.functional.interpolate, bilinear without antialias, on f32: the parts that the public
// resize_bilinear and the preprocessor share.
//
// An output sample lies between two input samples along each axis, so it is a sum of four products.
// ATen (UpSampleKernel.cpp; UpSample.h, area_pixel_compute_source_index) has two kernels for it and
// takes one by the size of the output (_use_vectorized_kernel_cond_2d). Its compiler fuses products
// into sums as the instruction set allows, and which ones is part of the result. So the forms below
// spell every fused multiply-add; they were found by comparing with torch 2.15 on x86-64 with AVX2.
#pragma once

#include <cstdint>
#include <vector>

namespace glint {

// The order of operations. With samples a b / c d, weights w0 w1 across and h0 h1 down:
enum class BlendForm {
  kSeparable,  // fma(fma(a, w0, b w1), h0, fma(c, w0, d w1) h1): Interpolate<2, ...>::eval
  kScalar,     // b h0w1, then + a h0w0, c h1w0, d h1w1: cpu_upsample_linear_channels_last
  kVector,     // c h1w0, then + d h1w1, b h0w1, a h0w0: the same, where 8 channels share a vector
};

// The form that channel `c` of `channels` gets; `height` and `width` of the whole output.
BlendForm blend_form(std::int64_t height, std::int64_t width, std::int64_t c,
                     std::int64_t channels);

// The two input samples of an output sample, and their weights.
struct LinearTap {
  std::int64_t low, high;
  float weight_low, weight_high;
};

// How in_size samples become out_size samples along one axis.
struct LinearAxis {
  std::int64_t in_size;
  std::int64_t out_size;
  bool align_corners;
  bool fused;  // the source position, with all forms but kSeparable
};

// Output samples begin .. end.
std::vector<LinearTap> linear_taps(const LinearAxis& axis, std::int64_t begin, std::int64_t end);

// One output row: columns.size() samples from two input rows, weighted as `row` says.
void blend_rows(BlendForm form, const float* low, const float* high, const LinearTap& row,
                const std::vector<LinearTap>& columns, float* out);

}  // namespace glint
