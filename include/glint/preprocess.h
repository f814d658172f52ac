// From a picture to the pixels an image encoder was trained on, bit-equal to the reference.
#pragma once

#include <glint/export.h>
#include <glint/image.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace glint {

// How a picture is fitted into the target rectangle.
enum class Geometry {
  kShortest,  // scale the short edge to the target (aspect kept), then crop the centre
  kSquash,    // scale both edges to the target, aspect lost
};

enum class Interpolation { kBilinear, kBicubic };  // Pillow's kernels; bicubic has a = -0.5

// When a picture that is not RGB becomes RGB. Pillow resizes L, LA, RGBA and CMYK in their own
// mode and a palette by nearest neighbour, so the two orders differ.
enum class RgbConversion {
  kAfterResize,   // openai/CLIP and open_clip
  kBeforeResize,  // Hugging Face processors
};

// Everything that decides the pixels; it comes from a package's manifest, never from a default
// of the model family.
struct PreprocessSpec {
  std::int64_t width = 0;   // of the result, pixels
  std::int64_t height = 0;  // of the result, pixels
  Geometry geometry = Geometry::kShortest;
  Interpolation interpolation = Interpolation::kBicubic;
  RgbConversion rgb = RgbConversion::kAfterResize;
  std::array<float, 3> mean{};  // a channel R, G, B, on values scaled to [0, 1]
  std::array<float, 3> std{};   // likewise; positive
};

// Resizes, crops, converts to RGB and normalises. Immutable; all calls may run concurrently.
//
// Arithmetic: resizing is Pillow 13's (two passes with an 8-bit picture between them, 22-bit fixed
// point weights, support scaled by the shrink factor; horizontal first, but vertical first where
// the height shrinks by more than twice the pixels of the width); normalising is
// (v / 255 - mean) / std in f32, in that order, as torchvision's to_tensor and normalize.
class GLINT_API Preprocessor {
 public:
  // Throws Error(kInvalidArgument) naming the field that is out of range.
  explicit Preprocessor(const PreprocessSpec& spec);

  // image -> pixels [3, height, width] f32, channels R, G, B.
  // Throws Error(kInvalidArgument) for an image without pixels or with an impossible stride, and
  // kUnsupported for an aspect ratio whose resized form would exceed 2^31 bytes.
  std::vector<float> operator()(const ImageView& image) const;

  // The same into caller's memory, which holds size() floats.
  void operator()(const ImageView& image, std::span<float> out) const;

  const PreprocessSpec& spec() const { return spec_; }
  std::int64_t size() const { return 3 * spec_.height * spec_.width; }

 private:
  PreprocessSpec spec_;
};

}  // namespace glint
