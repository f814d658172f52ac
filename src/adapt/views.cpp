#include "adapt/views.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"

namespace glint::adapt {
namespace {

// 256 for 224, as classification has long cropped; to the nearest pixel.
std::int64_t larger(std::int64_t side) { return (side * 8 + 3) / 7; }

Preprocessor of_views(const Preprocessor& preprocess, Views views) {
  if (views != Views::kTenCrop) return preprocess;
  PreprocessSpec spec = preprocess.spec();
  spec.width = larger(spec.width);
  spec.height = larger(spec.height);
  return Preprocessor(spec);
}

// Half to even, as torchvision's center_crop.
std::int64_t centred(std::int64_t outer, std::int64_t inner) {
  const std::int64_t spare = outer - inner;
  return spare / 2 + (spare % 4 == 3 ? 1 : 0);
}

}  // namespace

std::int64_t view_count(Views views) {
  switch (views) {
    case Views::kNone:
      return 1;
    case Views::kFlip:
      return 2;
    case Views::kTenCrop:
      return 10;
  }
  fail(ErrorCode::kInvalidArgument, "expected one of the known views, got ",
       static_cast<int>(views));
}

ViewMaker::ViewMaker(const Preprocessor& preprocess, Views views)
    : views_(views),
      height_(preprocess.spec().height),
      width_(preprocess.spec().width),
      preprocess_(of_views(preprocess, views)) {}

void ViewMaker::operator()(const ImageView& image, std::span<float> out) const {
  GLINT_CHECK(out.size() == static_cast<std::size_t>(count() * size()));
  const auto one = static_cast<std::size_t>(size());
  const auto view = [&](std::size_t i) { return out.subspan(i * one, one); };
  if (views_ != Views::kTenCrop) {
    preprocess_(image, view(0));
    if (views_ == Views::kFlip) mirror(view(0), view(1));
    return;
  }
  const std::vector<float> whole = preprocess_(image);
  const std::int64_t bottom = preprocess_.spec().height - height_;
  const std::int64_t right = preprocess_.spec().width - width_;
  // torchvision's five_crop: upper left, upper right, lower left, lower right, centre.
  const std::array<std::pair<std::int64_t, std::int64_t>, 5> corners{
      {{0, 0},
       {0, right},
       {bottom, 0},
       {bottom, right},
       {centred(preprocess_.spec().height, height_), centred(preprocess_.spec().width, width_)}}};
  for (std::size_t i = 0; i < corners.size(); ++i) {
    crop(whole, corners[i].first, corners[i].second, view(i));
    mirror(view(i), view(corners.size() + i));
  }
}

void ViewMaker::crop(std::span<const float> whole, std::int64_t y, std::int64_t x,
                     std::span<float> out) const {
  const std::int64_t full_height = preprocess_.spec().height;
  const std::int64_t full_width = preprocess_.spec().width;
  float* to = out.data();
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    for (std::int64_t row = 0; row < height_; ++row, to += width_) {
      const float* from = whole.data() + (channel * full_height + y + row) * full_width + x;
      std::copy_n(from, width_, to);
    }
  }
}

void ViewMaker::mirror(std::span<const float> view, std::span<float> out) const {
  const auto width = static_cast<std::size_t>(width_);
  for (std::size_t row = 0; row < view.size(); row += width) {
    std::reverse_copy(view.begin() + static_cast<std::ptrdiff_t>(row),
                      view.begin() + static_cast<std::ptrdiff_t>(row + width),
                      out.begin() + static_cast<std::ptrdiff_t>(row));
  }
}

}  // namespace glint::adapt
