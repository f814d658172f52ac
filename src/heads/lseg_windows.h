// LSeg's official protocol: a picture at several scales, each in windows, each also mirrored.
#pragma once

#include <glint/head.h>

#include "heads/lseg_block.h"
#include "heads/lseg_frames.h"

namespace glint {

// pixels [B, 3, H, W] -> map [B, dim, H / 2, W / 2] on the CPU.
// Throws Error(kCorruptPackage) for another map, and what the towers throw.
Tensor maps_of(const Tensor& pixels, const Towers& towers);
// One picture's part of such maps; valid while they are.
PixelMap map_at(const Tensor& maps, std::int64_t i);

// -> the logits [labels, image.height, image.width], summed over scales and mirrored views as the
// official code does (additional_utils/models.py, LSeg_MultiEvalModule). Progress is in windows.
// Throws Error(kCancelled), what the towers throw, and std::bad_alloc.
std::vector<float> sum_of_windows(const ImageView& image, const PreprocessSpec& preprocess,
                                  const LsegRule& rule, const LsegWords& words,
                                  const LsegBlock& block, const Towers& towers,
                                  const PredictOptions& options);

}  // namespace glint
