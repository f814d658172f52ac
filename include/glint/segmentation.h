// What is done with label maps: drawn, counted, kept as PNG files, compared with the truth.
#pragma once

#include <glint/export.h>
#include <glint/image.h>
#include <glint/prediction.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glint {

// A label for each pixel, without the labels' names.
struct LabelMap {
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  std::vector<std::int32_t> map;  // [height, width]: an index of a label, or Segmentation::kNone
};

// Functions of a Segmentation throw Error(kInvalidArgument) for one without pixels, whose map is
// not of its size, or with an index that is neither one of its labels nor kNone; and kOutOfMemory.

// Share of the pixels that have each label, in [0, 1]; what is missing to 1 has none.
GLINT_API std::vector<double> label_fractions(const Segmentation& segmentation);

// Pixels of one label that follow one another, row by row, from the upper left on; a run may go on
// in the next row.
struct LabelRun {
  std::int32_t label = 0;   // or Segmentation::kNone
  std::int64_t length = 0;  // pixels, at least 1
};

// The whole map; its lengths sum to width * height.
GLINT_API std::vector<LabelRun> label_runs(const Segmentation& segmentation);

using Colour = std::array<std::uint8_t, 3>;  // red, green, blue

// A colour for each of `labels` labels, the same for every number of them. The first 19 are easy to
// tell apart; later ones come close to earlier ones.
GLINT_API std::vector<Colour> palette(std::int64_t labels);

struct OverlayOptions {
  double opacity = 0.5;              // of the colours, in [0, 1]
  bool contours = true;              // lines where labels meet
  bool legend = true;                // below: the labels that occur, with their shares
  std::string plain = "background";  // a label whose pixels stay as they are
};

// The picture with each label in its colour of palette(), as RGB; with a legend it is higher, and
// wider where a label's name is. The legend is in ASCII: other characters of a name are shown as
// boxes.
// Throws Error(kInvalidArgument) for a picture of another size or an opacity out of range, too.
GLINT_API Image overlay(const ImageView& image, const Segmentation& segmentation,
                        const OverlayOptions& options = {});

// A grey PNG whose values are the indices: 8 bits with 255 for kNone for up to 254 labels, else 16
// bits with 65,535 for kNone.
// Throws Error(kInvalidArgument) for more than 65,534 labels, too.
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
  // Pixels whose truth is this label. Throws Error(kInvalidArgument) for an index of none.
  std::int64_t pixels(std::int64_t label) const;
  // Share of the counted pixels that are right, in [0, 1]; NaN when none was counted.
  double pixel_accuracy() const;
  // Pixels that are this label in both over those that are in either, in [0, 1]; NaN when there are
  // none. Throws as pixels().
  double iou(std::int64_t label) const;
  // Mean of the labels' IoU, those without one left out (mmseg's mIoU); NaN when none has one.
  double mean_iou() const;

 private:
  struct Counts {
    std::int64_t truth = 0;
    std::int64_t answers = 0;
    std::int64_t both = 0;
  };
  const Counts& of(std::int64_t label) const;

  std::vector<Counts> labels_;
  std::int64_t pixels_ = 0;
};

}  // namespace glint
