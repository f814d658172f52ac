// cv2.resize with INTER_LINEAR on 8 bits, bit for bit.
//
// Two samples an axis, however much the picture shrinks. Weights are f32 fractions rounded to 11
// fractional bits; the horizontal sums keep all their bits, the vertical ones lose four before and
// sixteen after they are weighed. A shrink by exactly 2 along both axes is a plain average instead.
// OpenCV 4: modules/imgproc/src/resize.cpp (ResizeFunc, HResizeLinear, VResizeLinear for uchar,
// ResizeAreaFast); all its vector paths give the same bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "image/convert.h"
#include "image/resample.h"

namespace glint {

// The window of the resized picture: [height, width, reader.channels()].
std::vector<std::uint8_t> opencv_linear_window(const PixelReader& reader,
                                               const ResizeWindow& window);

}  // namespace glint
