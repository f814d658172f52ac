// Logits of a frame whose windows come row by row, averaged where windows overlap, resized to the
// picture and added up, while no more of the frame is held than one row of windows covers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "heads/lseg_draw.h"
#include "heads/lseg_frames.h"
#include "image/resize_torch.h"

namespace glint {

class LsegBand {
 public:
  // `frame`: of the picture at one scale. `sums` [labels, picture] outlives this.
  // Throws std::bad_alloc.
  LsegBand(const LsegRule& rule, PlaneSize frame, PlaneSize picture, std::int64_t labels,
           std::span<float> sums);

  // Where windows start.
  const std::vector<std::int64_t>& tops() const { return tops_; }
  const std::vector<std::int64_t>& lefts() const { return lefts_; }
  // What of a window at this place lies in the frame, pixels.
  PlaneSize part(std::int64_t top, std::int64_t left) const;
  // Where add_logits puts part(top, left). One of lefts() in the row of windows that
  // is not finished.
  LogitRow rows_at(std::int64_t top, std::int64_t left);

  // Windows of row i of tops() are all in. Adds to the sums what no other row reaches.
  void finish_row(std::size_t i);

 private:
  float* row(std::int64_t label, std::int64_t y) {
    return band_.data() + (label * held_ + y % held_) * frame_.width;
  }
  // Rows [begin, end) of the frame: divided by how many windows saw each pixel; made zero.
  void average(std::int64_t begin, std::int64_t end);
  void clear(std::int64_t begin, std::int64_t end);
  // Rows of the picture that lie within those of the frame before `end`.
  void add_to_sums(std::int64_t end);

  LsegRule rule_;
  PlaneSize frame_, picture_;
  std::int64_t labels_;
  std::span<float> sums_;
  std::vector<std::int64_t> tops_, lefts_;
  std::int64_t held_;                      // rows of the band, by their place modulo this
  std::vector<float> band_;                // [labels, held_, frame width]
  std::vector<LinearTap> rows_, columns_;  // of the picture, in the frame
  std::size_t drawn_ = 0;                  // rows of the picture that are added
};

}  // namespace glint
