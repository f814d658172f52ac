// From a picture to the pixels an image encoder was trained on, bit-equal to the reference.
#pragma once

#include <glint/export.h>
#include <glint/image.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace glint {

// The largest side of a preprocess's result, pixels.
inline constexpr std::int64_t kMaxTargetSide = 4'096;

// How a picture is fitted into the target rectangle.
enum class Geometry {
  kShortest,  // scale to cover the target (aspect kept), then crop the centre
  kSquash,    // scale both edges to the target, aspect lost
  kLongest,   // scale to fit within the target (aspect kept), then pad around the centre
};

enum class Interpolation { kBilinear, kBicubic, kNearest };

// Whose arithmetic resizes. Pillow's and torchvision's agree within a few of 255 levels; the other
// two have no antialiasing and are far from them where a picture shrinks.
enum class Arithmetic {
  // Pillow 13's Image.resize: two passes with an 8-bit picture between them, weights with 22
  // fractional bits, support scaled by the shrink factor; horizontal first, but vertical first
  // where the height shrinks by more than twice the pixels of the width. Bicubic has a = -0.5.
  kPillow,
  // torchvision's resize of uint8 tensors with antialias=True (ATen's _upsample_*2d_aa): the same
  // kernels, weights of at most 15 bits, always horizontal first; nearest is nearest-exact.
  kTorchvision,
  // cv2.resize with INTER_LINEAR on 8 bits: two samples an axis however much the picture shrinks,
  // weights with 11 fractional bits. Bilinear only.
  kOpencv,
  // torch.nn.functional.interpolate, bilinear without antialias, in f32 on the normalised picture.
  kTorch,
};

// When and how a picture that is not RGB becomes RGB. Pillow resizes L, LA, RGBA and CMYK in their
// own mode and a palette by nearest neighbour, so the orders differ.
enum class RgbConversion {
  kAfterResize,    // openai/CLIP and open_clip; alpha is dropped. kPillow only
  kBeforeResize,   // Hugging Face processors up to transformers 4; alpha is dropped
  kBeforeOnWhite,  // since transformers 5: LA and RGBA are laid on white (Image.alpha_composite)
};

// Where a crop starts when an odd number of pixels is cut off.
enum class CropRounding {
  kHalfToEven,  // torchvision's center_crop, open_clip
  kDown,        // Hugging Face processors
};

// How a byte v becomes a number, in f32 and in this order.
enum class Rescale {
  kDiv255,  // (v / 255 - mean) / std
  kFused,   // (v - mean * 255) / (std * 255): Hugging Face's rescale_and_normalize
};

enum class ChannelOrder { kRgb, kBgr };

// Everything that decides the pixels; it comes from a package's manifest, never from a default
// of the model family.
struct PreprocessSpec {
  std::int64_t width = 0;   // of the result, pixels, 1 to kMaxTargetSide
  std::int64_t height = 0;  // likewise
  // Side that the shorter one becomes before the crop, at least that of the result; 0: the
  // result's. kShortest with a square result only.
  std::int64_t resize = 0;
  Geometry geometry = Geometry::kShortest;
  Interpolation interpolation = Interpolation::kBicubic;
  Arithmetic arithmetic = Arithmetic::kPillow;
  bool align_corners = false;  // kTorch only: the corner samples of both pictures coincide
  RgbConversion rgb = RgbConversion::kAfterResize;
  CropRounding crop = CropRounding::kHalfToEven;
  // kLongest: what each band of the picture gets around it, in the mode that it is resized in (so
  // a palette's index and a CMYK picture's ink, as open_clip's fill_color).
  std::uint8_t fill = 0;
  Rescale rescale = Rescale::kDiv255;
  ChannelOrder channels = ChannelOrder::kRgb;  // of the result
  std::array<float, 3> mean{};  // a channel of the result, on values scaled to [0, 1]
  std::array<float, 3> std{};   // likewise; positive
};

// Resizes, crops or pads, converts to RGB and normalises. Immutable; all calls may run
// concurrently.
//
// Bit-equal to its reference: open_clip transform.image_transform (torchvision Resize and
// CenterCrop on Pillow pictures; a target that is not square as its ResizeKeepRatio), Hugging
// Face's CLIP processors, cv2.resize, torch.nn.functional.interpolate.
class GLINT_API Preprocessor {
 public:
  // Throws Error(kInvalidArgument) naming the field that is out of range, or not possible with the
  // chosen arithmetic.
  explicit Preprocessor(const PreprocessSpec& spec);

  // image -> pixels [3, height, width] f32, channels in the order of spec().channels.
  // Throws Error(kInvalidArgument) for an image without pixels or with an impossible stride, and
  // kUnsupported for an aspect ratio whose resized form would exceed 2^31 bytes or lose a side.
  std::vector<float> operator()(const ImageView& image) const;

  // The same into caller's memory, which holds size() floats.
  void operator()(const ImageView& image, std::span<float> out) const;

  const PreprocessSpec& spec() const { return spec_; }
  std::int64_t size() const { return 3 * spec_.height * spec_.width; }

 private:
  PreprocessSpec spec_;
};

}  // namespace glint
