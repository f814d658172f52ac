// Where LSeg looks at a picture: its scaled frames, and the windows on them.
#pragma once

#include <glint/resize.h>

#include <cstdint>
#include <vector>

namespace glint {

// Parameters of a head of type lseg (models/package.md), pixels.
struct LsegRule {
  std::int64_t base_size = 0;  // longer side of a frame at scale 1
  std::int64_t crop_size = 0;  // side of a window
  std::int64_t stride = 0;     // of windows
  std::vector<double> scales;  // of the official protocol
  bool flip = false;           // whether a window is also seen mirrored
  std::int64_t single_size = 0;
  std::int64_t size_multiple = 0;  // of the sides that the image tower takes
  float pad = 0;                   // of normalised pixels, right of a frame and below it
};

// A single pass: the longer side is single_size, the aspect is kept, and each side is rounded to
// the nearest multiple of size_multiple, at least one.
PlaneSize single_frame(const LsegRule& rule, std::int64_t width, std::int64_t height);

// A frame of the official protocol (isl-org/lang-seg additional_utils/models.py,
// LSeg_MultiEvalModule.forward): the longer side is ceil(base_size * scale), the other one rounded,
// and here at least 1, where the official code fails.
PlaneSize scaled_frame(const LsegRule& rule, double scale, std::int64_t width, std::int64_t height);

// Where windows start along a side of a frame: at every stride until one reaches its end; those
// that hang over are padded, not shifted.
std::vector<std::int64_t> window_starts(const LsegRule& rule, std::int64_t side);

// Windows of all scales together.
std::int64_t count_windows(const LsegRule& rule, std::int64_t width, std::int64_t height);

}  // namespace glint
