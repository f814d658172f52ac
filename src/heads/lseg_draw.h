// From the map of an LSeg image tower to labels or logits at the pixels of a picture.
//
// Logits are what costs memory: 150 labels at 480 x 480 pixels are 138 MB. Here the picture is cut
// into tiles, which threads share. For some labels at a time, a tile's rows of logits are computed
// at the map's resolution, stretched to the tile's width, and kept while they are one of the three
// that a row of pixels lies between; so a thread holds a few hundred kilobytes, whatever the sizes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "heads/lseg_block.h"
#include "heads/lseg_logits.h"

namespace glint {

// Samples along a side of the answer, each a sum of three neighbours along the map's side, which
// are clamped to it.
struct MapTaps {
  std::vector<std::int32_t> first;
  std::array<std::vector<float>, 3> weights;

  std::int64_t count() const { return std::ssize(first); }
};

// The map's `side` samples made twice as many, and these `samples`: both bilinear with
// align_corners, as torch.nn.functional.interpolate.
MapTaps resized_taps(std::int64_t side, std::int64_t samples);
// The first `samples` of twice as many; `mirrored`: of the reversed map, in its order.
MapTaps doubled_taps(std::int64_t side, std::int64_t samples, bool mirrored = false);

struct LsegView {
  PixelMap map;
  const LsegWords& words;
  const LsegBlock& block;
};

// label [rows, columns]: that of the largest logit, the first of equal ones.
// Throws Error: kCancelled, kInvalidArgument (a map that is not finite); std::bad_alloc.
void draw_labels(const LsegView& view, const MapTaps& rows, const MapTaps& columns,
                 const std::stop_token& stop, std::span<std::int32_t> label);

// Where a label's logits of a row of pixels, [columns], are added.
using LogitRow = std::function<float*(std::int64_t label, std::int64_t row)>;

// Likewise; `to` is called by several threads, and must not throw.
void add_logits(const LsegView& view, const MapTaps& rows, const MapTaps& columns,
                const std::stop_token& stop, const LogitRow& to);

// sums [labels, pixels] -> label [pixels], as draw_labels.
void keep_largest(std::span<const float> sums, std::span<std::int32_t> label);

}  // namespace glint
