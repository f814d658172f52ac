#include "heads/groupvit_windows.h"

#include <algorithm>

#include "core/check.h"

namespace glint {
namespace {

// Where windows start along an axis; the last one ends with the frame.
std::vector<std::int64_t> starts(std::int64_t side, std::int64_t window, std::int64_t stride) {
  const std::int64_t count = (std::max<std::int64_t>(side - window, 0) + stride - 1) / stride + 1;
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(std::min(i * stride, side - window));
  return all;
}

void check_frame(const GroupVitRule& rule, PlaneSize frame) {
  if (std::min(frame.height, frame.width) >= rule.patch) return;
  fail(ErrorCode::kInvalidArgument, "expected a picture of at least one patch of ", rule.patch,
       " x ", rule.patch, " pixels, got ", frame.width, " x ", frame.height);
}

}  // namespace

PlaneSize scaled_frame(const GroupVitRule& rule, std::int64_t width, std::int64_t height) {
  const auto [shorter, longer] = std::minmax(width, height);
  const double scale =
      std::min(static_cast<double>(rule.long_side) / static_cast<double>(longer),
               static_cast<double>(rule.short_side) / static_cast<double>(shorter));
  const auto scaled = [&](std::int64_t side) {
    return static_cast<std::int64_t>(static_cast<double>(side) * scale + 0.5);
  };
  const PlaneSize frame{.height = scaled(height), .width = scaled(width)};
  if (std::min(frame.height, frame.width) < rule.patch) {
    fail(ErrorCode::kInvalidArgument, "expected a picture whose shorter side has at least ",
         rule.patch, " pixels (a patch) where the longer one has ", rule.long_side, ", got ", width,
         " x ", height, ", which becomes ", frame.width, " x ", frame.height);
  }
  return frame;
}

GroupVitWindows windows_of(const GroupVitRule& rule, PlaneSize frame, Protocol protocol) {
  check_frame(rule, frame);
  if (protocol == Protocol::kSingle) return {frame, frame, {{0, 0}}};
  GroupVitWindows windows{frame,
                          {.height = std::min(rule.crop_size, frame.height),
                           .width = std::min(rule.crop_size, frame.width)},
                          {}};
  const auto lefts = starts(frame.width, windows.size.width, rule.stride);
  for (const std::int64_t top : starts(frame.height, windows.size.height, rule.stride)) {
    for (const std::int64_t left : lefts) windows.places.push_back({top, left});
  }
  return windows;
}

}  // namespace glint
