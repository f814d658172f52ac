// What the pixels of an LSeg map say of the labels, a few rows and labels at a time.
#pragma once

#include <glint/class_bank.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/matmul_kernels.h"

namespace glint {

struct FreeAlignedFloats {
  void operator()(float* numbers) const noexcept;
};
using AlignedFloats = std::unique_ptr<float[], FreeAlignedFloats>;

// Not filled. Throws std::bad_alloc.
AlignedFloats aligned_floats(std::size_t count);

// The image tower's answer for one picture or window; borrows the numbers.
struct PixelMap {
  std::span<const float> values;  // [dim, height, width], unit length over dim
  std::int64_t dim = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

// A part of a map's pixels.
struct PixelRegion {
  std::int64_t top = 0;
  std::int64_t bottom = 0;  // one behind the last row
  std::int64_t left = 0;
  std::int64_t right = 0;  // likewise

  std::int64_t height() const { return bottom - top; }
  std::int64_t width() const { return right - left; }
};

struct LabelRange {
  std::int64_t first = 0;
  std::int64_t last = 0;  // one behind
  std::int64_t count() const { return last - first; }
};

// Class embeddings times the logit scale, laid out for the fastest product of this CPU. Immutable.
class LsegWords {
 public:
  // Throws Error(kInvalidArgument) for a row that is not finite, and std::bad_alloc.
  LsegWords(const ClassBank& bank, double scale, double bias);

  std::int64_t labels() const { return labels_; }

  // Numbers of scratch that logits() needs.
  std::size_t scratch() const { return static_cast<std::size_t>(dim_ * kernels_.columns); }
  // Logits of the labels at the pixels of row y: out + label * stride + pixel, labels counted from
  // labels.first and pixels from `left`.
  void logits(const PixelMap& map, std::int64_t y, std::int64_t left, std::int64_t right,
              LabelRange labels, float* scratch, float* out, std::int64_t stride) const;

 private:
  const MatmulKernels& kernels_;
  std::int64_t labels_;
  std::int64_t dim_;
  std::int64_t stride_;  // numbers from a label's row to the next
  float bias_;
  AlignedFloats rows_;
};

}  // namespace glint
