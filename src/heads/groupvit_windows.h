// Where GroupViT looks at a picture: its scaled frame, and the windows on it.
#pragma once

#include <glint/prediction.h>
#include <glint/resize.h>

#include <cstdint>
#include <vector>

namespace glint {

// Parameters of a head of type groupvit (models/package.md), pixels.
struct GroupVitRule {
  std::int64_t short_side = 0;  // of a scaled picture,
  std::int64_t long_side = 0;   // unless its longer side would exceed this
  std::int64_t crop_size = 0;   // side of a window
  std::int64_t stride = 0;      // of windows
  std::int64_t patch = 0;       // side of a patch
  std::int64_t top_classes = 0;
  float background_threshold = 0;
};

struct WindowPlace {
  std::int64_t top = 0;
  std::int64_t left = 0;
};

// All windows of a frame have one size.
struct GroupVitWindows {
  PlaneSize frame;
  PlaneSize size;
  std::vector<WindowPlace> places;  // row by row
};

// The sides of a picture scaled with its aspect kept: mmcv's rescale_size, as mmseg's Resize with
// keep_ratio asks it. Throws Error(kInvalidArgument) when a side would be below a patch.
PlaneSize scaled_frame(const GroupVitRule& rule, std::int64_t width, std::int64_t height);

// kSingle: the whole frame. kOfficial: windows of crop_size at every stride, those at the right and
// bottom shifted inward, so that all lie within the frame (mmseg's EncoderDecoder.slide_inference).
// Throws Error(kInvalidArgument) for a frame with a side below a patch.
GroupVitWindows windows_of(const GroupVitRule& rule, PlaneSize frame, Protocol protocol);

}  // namespace glint
