#include "image/resize_opencv.h"

#include <algorithm>
#include <cmath>

namespace glint {
namespace {

constexpr int kWeightOne = 2048;  // INTER_RESIZE_COEF_SCALE

// OpenCV computes the scale from its inverse.
double scale_of(std::int64_t in_size, std::int64_t out_size) {
  return 1.0 / (static_cast<double>(out_size) / static_cast<double>(in_size));
}

// Two input samples of an output sample, and their weights.
struct Pair {
  std::int64_t low, high;
  std::int32_t weight_low, weight_high;
};

std::int32_t to_weight(float fraction) {  // saturate_cast<short>: ties to even
  return static_cast<std::int32_t>(std::nearbyint(fraction * static_cast<float>(kWeightOne)));
}

// Output samples begin .. end. Along x a sample beyond the border is the border's own; along y both
// rows are, each with its weight, which rounds differently.
std::vector<Pair> pairs_of(std::int64_t in_size, std::int64_t out_size, std::int64_t begin,
                           std::int64_t end, bool horizontal) {
  const double scale = scale_of(in_size, out_size);
  std::vector<Pair> pairs;
  pairs.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) {
    auto at = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    auto low = static_cast<std::int64_t>(std::floor(at));
    at -= static_cast<float>(low);
    if (horizontal && (low < 0 || low >= in_size - 1)) {
      at = 0;
      low = std::clamp<std::int64_t>(low, 0, in_size - 1);
    }
    pairs.push_back({.low = std::clamp<std::int64_t>(low, 0, in_size - 1),
                     .high = std::clamp<std::int64_t>(low + 1, 0, in_size - 1),
                     .weight_low = to_weight(1.0f - at),
                     .weight_high = to_weight(at)});
  }
  return pairs;
}

// A row of the input, horizontally resized; remembered, since neighbours share their rows.
class ResizedRow {
 public:
  const std::vector<std::int32_t>& get(const PixelReader& reader, const std::vector<Pair>& columns,
                                       std::int64_t y) {
    if (y == y_) return sums_;
    const std::int64_t channels = reader.channels();
    const std::uint8_t* row = reader.read(0, reader.width(), y, y + 1, scratch_).data;
    sums_.resize(columns.size() * static_cast<std::size_t>(channels));
    std::int32_t* to = sums_.data();
    for (const Pair& pair : columns) {
      const std::uint8_t* low = row + pair.low * channels;
      const std::uint8_t* high = row + pair.high * channels;
      for (std::int64_t c = 0; c < channels; ++c) {
        *to++ = low[c] * pair.weight_low + high[c] * pair.weight_high;
      }
    }
    y_ = y;
    return sums_;
  }

 private:
  std::int64_t y_ = -1;
  std::vector<std::int32_t> sums_;
  std::vector<std::uint8_t> scratch_;
};

std::vector<std::uint8_t> halved_window(const PixelReader& reader, const ResizeWindow& window) {
  const std::int64_t channels = reader.channels();
  std::vector<std::uint8_t> out(static_cast<std::size_t>(window.height * window.width * channels));
  std::vector<std::uint8_t> scratch;
  std::uint8_t* to = out.data();
  for (std::int64_t y = window.top; y < window.top + window.height; ++y) {
    const PixelBlock block =
        reader.read(2 * window.left, 2 * (window.left + window.width), 2 * y, 2 * y + 2, scratch);
    const std::uint8_t* upper = block.data;
    const std::uint8_t* lower = upper + block.stride_bytes;
    for (std::int64_t x = 0; x < window.width; ++x, upper += channels, lower += channels) {
      for (std::int64_t c = 0; c < channels; ++c, ++upper, ++lower) {
        *to++ = static_cast<std::uint8_t>(
            (upper[0] + upper[channels] + lower[0] + lower[channels] + 2) >> 2);
      }
    }
  }
  return out;
}

}  // namespace

std::vector<std::uint8_t> opencv_linear_window(const PixelReader& reader,
                                               const ResizeWindow& window) {
  if (reader.width() == 2 * window.resized_width && reader.height() == 2 * window.resized_height) {
    return halved_window(reader, window);
  }
  const auto columns =
      pairs_of(reader.width(), window.resized_width, window.left, window.left + window.width, true);
  const auto rows = pairs_of(reader.height(), window.resized_height, window.top,
                             window.top + window.height, false);
  std::vector<std::uint8_t> out(
      static_cast<std::size_t>(window.height * window.width * reader.channels()));
  std::uint8_t* to = out.data();
  ResizedRow cached[2];  // by the parity of the row, so that neighbours do not displace each other
  for (const Pair& pair : rows) {
    const auto& low = cached[pair.low % 2].get(reader, columns, pair.low);
    const auto& high = cached[pair.high % 2].get(reader, columns, pair.high);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const std::int32_t sum =
          (((low[i] >> 4) * pair.weight_low) >> 16) + (((high[i] >> 4) * pair.weight_high) >> 16);
      *to++ = static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
    }
  }
  return out;
}

}  // namespace glint
