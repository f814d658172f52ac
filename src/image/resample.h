// 8-bit resampling, bit for bit Pillow's or ATen's, of only the part of the result that is wanted.
//
// Both resize in two passes, each a weighted sum (image/weights.h) in fixed point. The first pass
// is rounded to 8 bits before the second, so the order of the passes is part of the result:
// horizontal first, except that Pillow 13 takes a picture that loses much height vertically first
// (vertical_pass_first). Pillow: src/libImaging/Resample.c; ATen: UpSampleKernel.cpp and
// UpSampleKernelAVXAntialias.h, whose vector and scalar paths agree since the sums are integers.
//
// An output pixel depends on nothing but its own column's and row's weights. So a window of the
// resized picture (a centre crop) needs only that window's columns and the input rows under it,
// and large jobs are cut into tiles without changing a bit. Row kernels are free functions over
// plain pointers, so that vector versions can stand beside the scalar ones.
#pragma once

#include <glint/preprocess.h>

#include <cstdint>
#include <vector>

#include "image/convert.h"
#include "image/resample/passes.h"
#include "image/weights.h"

namespace glint {

// The order of the passes of Pillow 13.0: vertical first where the height shrinks by more than
// twice the pixels that the width shrinks by. Pillow 12 and before: never.
bool vertical_pass_first(std::int64_t in_width, std::int64_t in_height, std::int64_t out_width,
                         std::int64_t out_height);

// A rectangle of a resized picture.
struct ResizeWindow {
  std::int64_t resized_width, resized_height;
  std::int64_t left, top, width, height;
};

inline constexpr std::int64_t kResampleScratchBytes = std::int64_t{64} << 20;

// How a picture is resized: kPillow or kTorchvision, and the kernel of both axes.
struct ResizeMethod {
  Arithmetic arithmetic;
  Interpolation kernel;
};

// The window of the picture resized by kBilinear or kBicubic: [height, width, reader.channels()].
// Holds about three times scratch_bytes besides the result, or the weights and input pixels of a
// single output pixel, if that is more.
std::vector<std::uint8_t> resample_window(
    const PixelReader& reader, const ResizeWindow& window, ResizeMethod method,
    std::int64_t scratch_bytes = kResampleScratchBytes,
    const ResampleImplementation& implementation = best_resample_implementation());

// The same by nearest neighbour. Pillow: Geometry.c, ImagingScaleAffine; torchvision: ATen's
// nearest-exact, UpSample.h, nearest_neighbor_exact_compute_source_index.
std::vector<std::uint8_t> nearest_window(const PixelReader& reader, const ResizeWindow& window,
                                         Arithmetic arithmetic);

}  // namespace glint
