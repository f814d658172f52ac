#include "heads/lseg_band.h"

#include <omp.h>

#include <algorithm>

namespace glint {

LsegBand::LsegBand(const LsegRule& rule, PlaneSize frame, PlaneSize picture, std::int64_t labels,
                   std::span<float> sums)
    : rule_(rule),
      frame_(frame),
      picture_(picture),
      labels_(labels),
      sums_(sums),
      tops_(window_starts(rule, frame.height)),
      lefts_(window_starts(rule, frame.width)),
      // One more: a row of the picture may lie between the last complete row and the next.
      held_(std::min(frame.height, rule.crop_size + 1)),
      band_(static_cast<std::size_t>(labels * held_ * frame.width)),
      rows_(linear_taps({frame.height, picture.height, true, false}, 0, picture.height)),
      columns_(linear_taps({frame.width, picture.width, true, false}, 0, picture.width)) {}

PlaneSize LsegBand::part(std::int64_t top, std::int64_t left) const {
  return {.height = std::min(rule_.crop_size, frame_.height - top),
          .width = std::min(rule_.crop_size, frame_.width - left)};
}

LogitRow LsegBand::rows_at(std::int64_t top, std::int64_t left) {
  return
      [this, top, left](std::int64_t label, std::int64_t y) { return row(label, top + y) + left; };
}

void LsegBand::finish_row(std::size_t i) {
  const bool last = i + 1 == tops_.size();
  const std::int64_t next = last ? frame_.height : tops_[i + 1];
  average(tops_[i], next);
  add_to_sums(next);
  if (last) return;
  // Rows that only the next windows reach take the place of complete ones.
  clear(std::min(tops_[i] + rule_.crop_size, frame_.height),
        std::min(next + rule_.crop_size, frame_.height));
}

void LsegBand::average(std::int64_t begin, std::int64_t end) {
  const auto seen = [&](const std::vector<std::int64_t>& starts, std::int64_t at) {
    return std::ranges::count_if(
        starts, [&](std::int64_t start) { return start <= at && at < start + rule_.crop_size; });
  };
  std::vector<float> across;
  for (std::int64_t x = 0; x < frame_.width; ++x) {
    across.push_back(static_cast<float>(seen(lefts_, x)));
  }
  for (std::int64_t y = begin; y < end; ++y) {
    const auto down = static_cast<float>(seen(tops_, y));
    for (std::int64_t k = 0; k < labels_; ++k) {
      float* const numbers = row(k, y);
      for (std::size_t x = 0; x < across.size(); ++x) numbers[x] /= down * across[x];
    }
  }
}

void LsegBand::clear(std::int64_t begin, std::int64_t end) {
  for (std::int64_t k = 0; k < labels_; ++k) {
    for (std::int64_t y = begin; y < end; ++y) std::fill_n(row(k, y), frame_.width, 0.0F);
  }
}

void LsegBand::add_to_sums(std::int64_t end) {
  const std::size_t begin = drawn_;
  while (drawn_ < rows_.size() && rows_[drawn_].high < end) ++drawn_;
  const auto width = static_cast<std::size_t>(picture_.width);
  std::vector<float> resized(width * static_cast<std::size_t>(omp_get_max_threads()));
#pragma omp parallel for
  for (std::int64_t k = 0; k < labels_; ++k) {
    float* const from = resized.data() + static_cast<std::size_t>(omp_get_thread_num()) * width;
    const BlendForm form = blend_form(picture_.height, picture_.width, k, labels_);
    for (std::size_t r = begin; r < drawn_; ++r) {
      blend_rows(form, row(k, rows_[r].low), row(k, rows_[r].high), rows_[r], columns_, from);
      float* const to = sums_.data() + (static_cast<std::size_t>(k * picture_.height) + r) * width;
      for (std::size_t x = 0; x < width; ++x) to[x] += from[x];
    }
  }
}

}  // namespace glint
