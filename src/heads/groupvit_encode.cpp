#include "heads/groupvit_encode.h"

#include <algorithm>

#include "core/check.h"

namespace glint {
namespace {

void append_window(std::span<const float> frame, const GroupVitWindows& windows, WindowPlace place,
                   std::vector<float>& pixels) {
  const auto [height, width] = windows.frame;
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t y = 0; y < windows.size.height; ++y) {
      const auto row =
          frame.subspan(static_cast<std::size_t>((c * height + place.top + y) * width + place.left),
                        static_cast<std::size_t>(windows.size.width));
      pixels.insert(pixels.end(), row.begin(), row.end());
    }
  }
}

// Row `row` along the first axis.
std::span<const float> part_of(const Tensor& tensor, std::size_t row) {
  const auto numbers = tensor.floats();
  const std::size_t size = numbers.size() / static_cast<std::size_t>(tensor.dim(0));
  return numbers.subspan(row * size, size);
}

// first [S, N], second [G, S] -> their product [G, N], appended. Soft assignments: of the patches
// to the first groups, of these to the last ones.
void append_product(std::span<const float> first, std::span<const float> second,
                    std::int64_t groups, std::vector<float>& maps) {
  const std::size_t between = second.size() / static_cast<std::size_t>(groups);
  const std::size_t patches = first.size() / between;
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
    const std::size_t at = maps.size();
    maps.resize(at + patches);
    for (std::size_t s = 0; s < between; ++s) {
      const float weight = second[g * between + s];
      const float* const from = first.data() + s * patches;
      float* const to = maps.data() + at;
      for (std::size_t n = 0; n < patches; ++n) to[n] += weight * from[n];
    }
  }
}

void check_sizes(std::int64_t groups, std::int64_t dim, std::int64_t patches,
                 const NamedTensors& outputs) {
  const Tensor& tokens = outputs.at("tokens");
  const Tensor& first = outputs.at("assignment_0");
  const Tensor& second = outputs.at("assignment_1");
  if (groups > 0 && tokens.dim(2) == dim && outputs.at("embedding").dim(1) == dim &&
      second.dim(1) == groups && second.dim(2) == first.dim(1) && first.dim(2) == patches) {
    return;
  }
  fail(ErrorCode::kCorruptPackage, "expected of image.groups tokens [B, G, ", dim,
       "], assignment_0 [B, S, ", patches, "] and assignment_1 [B, G, S], got ",
       shape_text(tokens.shape()), ", ", shape_text(first.shape()), " and ",
       shape_text(second.shape()));
}

}  // namespace

void GroupVitEncoder::add(std::span<const float> frame, const GroupVitWindows& windows) {
  pictures_.push_back({.windows = windows, .maps = {}, .tokens = {}, .means = {}});
  for (const WindowPlace place : windows.places) {
    const bool fits = size_.height == windows.size.height && size_.width == windows.size.width;
    if (!fits || std::ssize(owners_) == towers_.max_batch()) flush();
    size_ = windows.size;
    append_window(frame, windows, place, pixels_);
    owners_.push_back(pictures_.size() - 1);
  }
}

void GroupVitEncoder::flush() {
  if (owners_.empty()) return;
  check_stop(options_.stop);
  const std::int64_t count = std::ssize(owners_);
  NamedTensors outputs =
      towers_.call("image", "groups",
                   {{"pixels", Tensor::from({count, 3, size_.height, size_.width}, pixels_)}});
  for (auto& [name, tensor] : outputs) tensor = tensor.cpu();
  for (std::size_t i = 0; i < owners_.size(); ++i) take(outputs, i, pictures_[owners_[i]]);
  pixels_.clear();
  owners_.clear();
  done_ += count;
  if (options_.progress) options_.progress(done_, total_);
}

void GroupVitEncoder::take(const NamedTensors& outputs, std::size_t row, Picture& picture) const {
  const auto append = [&](std::string_view name, std::vector<float>& to) {
    const auto part = part_of(outputs.find(name)->second, row);
    to.insert(to.end(), part.begin(), part.end());
  };
  picture.groups = outputs.at("tokens").dim(1);
  check_sizes(picture.groups, towers_.manifest().embed_dim,
              size_.height / patch_ * (size_.width / patch_), outputs);
  append("tokens", picture.tokens);
  append("embedding", picture.means);
  append_product(part_of(outputs.at("assignment_0"), row), part_of(outputs.at("assignment_1"), row),
                 picture.groups, picture.maps);
}

ImageState GroupVitEncoder::state_of(Picture picture) const {
  const auto& [frame, size, places] = picture.windows;
  std::vector<std::int64_t> layout{frame.height, frame.width, size.height, size.width};
  for (const WindowPlace place : places) {
    layout.push_back(place.top);
    layout.push_back(place.left);
  }
  const std::int64_t windows = std::ssize(places), dim = towers_.manifest().embed_dim;
  ImageState state;
  state.tensors = {
      {"layout", Tensor::from({2 + windows, 2}, layout)},
      {"maps", Tensor::from({windows, picture.groups, size.height / patch_, size.width / patch_},
                            picture.maps)},
      {"tokens", Tensor::from({windows, picture.groups, dim}, picture.tokens)},
      {"means", Tensor::from({windows, dim}, picture.means)}};
  return state;
}

std::vector<ImageState> GroupVitEncoder::finish() {
  flush();
  std::vector<ImageState> states;
  for (Picture& picture : pictures_) states.push_back(state_of(std::move(picture)));
  return states;
}

}  // namespace glint
