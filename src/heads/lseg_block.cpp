#include "heads/lseg_block.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace glint {
namespace {

constexpr std::int64_t kTail = 2;  // zeros behind a row

float activated(LsegBlock::Activation activation, float value) {
  if (activation == LsegBlock::Activation::kTanh) return std::tanh(value);
  if (value >= 0 || std::isnan(value)) return value;
  return activation == LsegBlock::Activation::kRelu ? 0 : 0.01F * value;
}

// One row of a 3 x 3 correlation, zeros outside of the plane: to [width].
void correlate_row(const float* plane, std::int64_t height, std::int64_t width, std::int64_t stride,
                   std::int64_t y, const LsegBlock& block, float* to) {
  std::fill_n(to, width, block.bias);
  for (std::int64_t i = 0; i < 3; ++i) {
    const std::int64_t from_y = y + i - 1;
    if (from_y < 0 || from_y >= height) continue;
    const float* const from = plane + from_y * stride;
    const float* const weights = block.weight.data() + 3 * i;
    for (std::int64_t x = 1; x < width; ++x) to[x] += weights[0] * from[x - 1];
    for (std::int64_t x = 0; x < width; ++x) to[x] += weights[1] * from[x];
    for (std::int64_t x = 0; x + 1 < width; ++x) to[x] += weights[2] * from[x + 1];
  }
}

}  // namespace

void BlockedLogits::reserve(std::int64_t height, std::int64_t width) {
  const std::int64_t rows = height + 2 * block_.depth;
  const std::int64_t numbers = rows * (width + 2 * block_.depth + kTail);
  scratch_.resize(words_.scratch());
  now_.resize(static_cast<std::size_t>(words_.labels() * numbers));
  next_.resize(now_.size());
  largest_.resize(static_cast<std::size_t>(numbers));
}

// A pixel of the region depends on those at most `depth` away. The block is applied to all of them
// as if the map ended with them: what is wrong thereby stays outside of the region.
void BlockedLogits::compute(const PixelMap& map, const PixelRegion& region) {
  region_ = region;
  halo_ = {.top = std::max<std::int64_t>(0, region.top - block_.depth),
           .bottom = std::min(map.height, region.bottom + block_.depth),
           .left = std::max<std::int64_t>(0, region.left - block_.depth),
           .right = std::min(map.width, region.right + block_.depth)};
  stride_ = halo_.width() + kTail;
  plane_ = halo_.height() * stride_;
  std::fill_n(now_.begin(), words_.labels() * plane_, 0.0F);
  for (std::int64_t y = halo_.top; y < halo_.bottom; ++y) {
    words_.logits(map, y, halo_.left, halo_.right, {0, words_.labels()}, scratch_.data(),
                  now_.data() + (y - halo_.top) * stride_, plane_);
  }
  for (std::int64_t i = 1; i <= block_.depth; ++i) apply(i == block_.depth);
}

void BlockedLogits::find_largest() {
  std::fill_n(largest_.begin(), plane_, -std::numeric_limits<float>::infinity());
  for (std::int64_t k = 0; k < words_.labels(); ++k) {
    const float* const plane = now_.data() + k * plane_;
    for (std::int64_t i = 0; i < plane_; ++i) {
      largest_[static_cast<std::size_t>(i)] =
          std::max(largest_[static_cast<std::size_t>(i)], plane[i]);
    }
  }
}

void BlockedLogits::apply(bool last) {
  const bool adds_largest = block_.kind == LsegBlock::Kind::kBottleneck;
  if (adds_largest) find_largest();
  for (std::int64_t k = 0; k < words_.labels(); ++k) {
    for (std::int64_t y = 0; y < halo_.height(); ++y) {
      float* const to = next_.data() + k * plane_ + y * stride_;
      correlate_row(now_.data() + k * plane_, halo_.height(), halo_.width(), stride_, y, block_,
                    to);
      std::fill_n(to + halo_.width(), kTail, 0.0F);
      for (std::int64_t x = 0; x < halo_.width(); ++x) {
        if (adds_largest) to[x] += largest_[static_cast<std::size_t>(y * stride_ + x)];
        if (!last) to[x] = activated(block_.activation, to[x]);
      }
    }
  }
  std::swap(now_, next_);
}

const float* BlockedLogits::row(std::int64_t label, std::int64_t y) const {
  return now_.data() + label * plane_ + (y - halo_.top) * stride_ + region_.left - halo_.left;
}

}  // namespace glint
