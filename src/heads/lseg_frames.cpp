#include "heads/lseg_frames.h"

#include <algorithm>
#include <cmath>

namespace glint {

PlaneSize single_frame(const LsegRule& rule, std::int64_t width, std::int64_t height) {
  const double scale =
      static_cast<double>(rule.single_size) / static_cast<double>(std::max(width, height));
  const auto side = [&](std::int64_t of_picture) {
    const double multiples =
        static_cast<double>(of_picture) * scale / static_cast<double>(rule.size_multiple);
    return rule.size_multiple * std::max<std::int64_t>(1, std::llround(multiples));
  };
  return {.height = side(height), .width = side(width)};
}

PlaneSize scaled_frame(const LsegRule& rule, double scale, std::int64_t width,
                       std::int64_t height) {
  const auto longer =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(rule.base_size) * scale));
  const auto shorter = [&](std::int64_t side, std::int64_t other) {
    const auto rounded = static_cast<std::int64_t>(
        static_cast<double>(side) * static_cast<double>(longer) / static_cast<double>(other) + 0.5);
    return std::max<std::int64_t>(1, rounded);
  };
  if (height > width) return {.height = longer, .width = shorter(width, height)};
  return {.height = shorter(height, width), .width = longer};
}

std::vector<std::int64_t> window_starts(const LsegRule& rule, std::int64_t side) {
  std::vector<std::int64_t> starts{0};
  while (starts.back() + rule.crop_size < side) starts.push_back(starts.back() + rule.stride);
  return starts;
}

std::int64_t count_windows(const LsegRule& rule, std::int64_t width, std::int64_t height) {
  std::int64_t count = 0;
  for (const double scale : rule.scales) {
    const PlaneSize frame = scaled_frame(rule, scale, width, height);
    count += std::ssize(window_starts(rule, frame.height)) *
             std::ssize(window_starts(rule, frame.width));
  }
  return count;
}

}  // namespace glint
