// Resizing maps of numbers: logits, scores, positional embeddings.
#pragma once

#include <glint/export.h>

#include <cstdint>
#include <span>

namespace glint {

struct PlaneSize {
  std::int64_t height = 0;  // samples, at least 1
  std::int64_t width = 0;   // likewise
};

// planes [C, size.height, size.width] f32 -> out [C, out_size.height, out_size.width] f32, bilinear
// without antialias. C is what the lengths of both spans say; C = 0 does nothing.
//
// Equal bit for bit to torch.nn.functional.interpolate(mode="bilinear", antialias=False) of torch
// 2.15 on a contiguous f32 tensor [1, C, H, W] on an x86-64 CPU with AVX2, for both values of
// align_corners (ATen's UpSampleKernel.cpp, whose order of operations depends on the output's size
// and on C). Against other builds of torch, and GPUs, within 4 units in the last place of the
// largest of the four samples that are blended. NaN and infinity spread to the samples that weigh
// them, also with weight 0, as they do there.
//
// Cost: one pass over `out`, single-threaded, no memory but the tables of both axes. All calls may
// run concurrently; planes and out must not overlap.
// Throws Error: kInvalidArgument when the sizes and spans do not agree, kOutOfMemory.
GLINT_API void resize_bilinear(std::span<const float> planes, PlaneSize size, std::span<float> out,
                               PlaneSize out_size, bool align_corners);

}  // namespace glint
