// What is done with label maps: kept as PNG files, compared with the truth.
#pragma once

#include <glint/export.h>
#include <glint/prediction.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace glint {

// A label for each pixel, without the labels' names.
struct LabelMap {
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  std::vector<std::int32_t> map;  // [height, width]: an index of a label, or Segmentation::kNone
};

// A grey PNG whose values are the indices: 8 bits with 255 for kNone for up to 254 labels, else 16
// bits with 65,535 for kNone.
// Throws Error: kInvalidArgument (no pixels, more than 65,534 labels, a map of another size or with
// an index beyond the labels), kOutOfMemory.
GLINT_API std::vector<std::byte> encode_label_map(const Segmentation& segmentation);

// Reads what encode_label_map writes, and every other grey or palette PNG, whose values or palette
// indices are taken as they are stored: 255 of 8 bits or less and 65,535 of 16 bits are kNone.
// Throws Error: kCorruptImage (no sound PNG), kUnsupported (a PNG in colour or with alpha),
// kInvalidArgument (more pixels than max_pixels), kOutOfMemory.
GLINT_API LabelMap decode_label_map(std::span<const std::byte> png,
                                    std::int64_t max_pixels = 50'000'000);

// How well answers agree with the truth, over any number of pictures. Holds three counts a label.
class GLINT_API SegmentationScores {
 public:
  // Throws Error(kInvalidArgument) for less than one label.
  explicit SegmentationScores(std::int64_t labels);

  // Maps of one picture, pixel by pixel: indices of labels or Segmentation::kNone. Pixels whose
  // truth is kNone are not counted; an answer of kNone is a wrong one.
  // Throws Error(kInvalidArgument), and counts nothing, when the lengths differ or an index is
  // none.
  void add(std::span<const std::int32_t> truth, std::span<const std::int32_t> answer);

  // Pixels that were counted.
  std::int64_t pixels() const { return pixels_; }
  // Pixels whose truth is this label.
  std::int64_t pixels(std::int64_t label) const;
  // Share of the counted pixels that are right, in [0, 1]; NaN when none was counted.
  double pixel_accuracy() const;
  // Pixels that are this label in both over those that are in either, in [0, 1]; NaN when there are
  // none.
  double iou(std::int64_t label) const;
  // Mean of the labels' IoU, those without one left out (mmseg's mIoU); NaN when none has one.
  double mean_iou() const;

 private:
  struct Counts {
    std::int64_t truth = 0;
    std::int64_t answers = 0;
    std::int64_t both = 0;
  };
  std::vector<Counts> labels_;
  std::int64_t pixels_ = 0;
};

}  // namespace glint
