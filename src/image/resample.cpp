#include "image/resample.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace glint {
namespace {

std::uint8_t to_byte(std::int32_t sum, int bits) {
  return static_cast<std::uint8_t>(std::clamp(sum >> bits, 0, 255));
}

// One half, which rounds the sum.
std::int32_t half(int bits) { return std::int32_t{1} << (bits - 1); }

// The row kernels are compiled once for Pillow's bits, which saves two percent, and once for any.
constexpr int kAnyBits = 0;

template <int kBits>
int bits_of(const AxisWeights& weights) {
  return kBits == kAnyBits ? weights.bits : kBits;
}

template <int kChannels, int kBits>
void resample_row_of(const std::uint8_t* in, const AxisWeights& weights, std::uint8_t* out) {
  const std::int64_t begin = weights.input_begin();
  const int bits = bits_of<kBits>(weights);
  for (const AxisWeights::Taps& taps : weights.taps) {
    const std::uint8_t* pixel = in + (taps.first - begin) * kChannels;
    const std::int32_t* weight = weights.weights.data() + taps.offset;
    std::int32_t sum[kChannels];
    std::fill_n(sum, kChannels, half(bits));
    for (std::int64_t i = 0; i < taps.count; ++i, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) sum[c] += pixel[c] * weight[i];
    }
    for (int c = 0; c < kChannels; ++c) *out++ = to_byte(sum[c], bits);
  }
}

template <int kBits>
void resample_row_with(const std::uint8_t* in, std::int64_t channels, const AxisWeights& weights,
                       std::uint8_t* out) {
  switch (channels) {
    case 1:
      return resample_row_of<1, kBits>(in, weights, out);
    case 2:
      return resample_row_of<2, kBits>(in, weights, out);
    case 3:
      return resample_row_of<3, kBits>(in, weights, out);
    default:
      return resample_row_of<4, kBits>(in, weights, out);
  }
}

template <int kBits>
void combine_rows_with(const std::uint8_t* rows, std::int64_t stride, const AxisWeights& weights,
                       std::size_t sample, std::int64_t n, std::uint8_t* out) {
  constexpr std::int64_t kBlock = 256;  // sums that stay in registers and the nearest cache
  const std::int32_t* weight = weights.weights.data() + weights.taps[sample].offset;
  const std::int64_t count = weights.taps[sample].count;
  const int bits = bits_of<kBits>(weights);
  std::int32_t sum[kBlock];
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, n - begin);
    std::fill_n(sum, size, half(bits));
    for (std::int64_t j = 0; j < count; ++j) {
      const std::uint8_t* row = rows + j * stride + begin;
      const std::int32_t factor = weight[j];
      for (std::int64_t i = 0; i < size; ++i) sum[i] += row[i] * factor;
    }
    for (std::int64_t i = 0; i < size; ++i) out[begin + i] = to_byte(sum[i], bits);
  }
}

// How many output rows and columns a tile has, so that each of its two tables of weights and the
// block of pixels it holds (converted input, or rows after the first pass) stay within a budget.
struct TileSize {
  std::int64_t rows;
  std::int64_t columns;
};

TileSize tile_size(const PixelReader& reader, const ResizeWindow& window, const AxisResize& x_axis,
                   const AxisResize& y_axis, bool vertical_first, std::int64_t scratch_bytes) {
  constexpr std::int64_t kWeightBytes = sizeof(std::int32_t);
  const std::int64_t taps_y = max_taps(y_axis);
  const std::int64_t taps_x = max_taps(x_axis);
  const std::int64_t rows =
      std::clamp(scratch_bytes / (taps_y * kWeightBytes), std::int64_t{1}, window.height);
  const double scale_x =
      static_cast<double>(reader.width()) / static_cast<double>(window.resized_width);
  const double scale_y =
      static_cast<double>(reader.height()) / static_cast<double>(window.resized_height);
  const double block_rows = static_cast<double>(taps_y) + scale_y * static_cast<double>(rows);
  // Pixels of the block that one more output column needs.
  const double block_columns = vertical_first ? std::max(1.0, scale_x) : 1.0;
  const double column_bytes =
      std::max(static_cast<double>(taps_x * kWeightBytes),
               block_rows * block_columns * static_cast<double>(reader.channels()));
  const auto columns = static_cast<std::int64_t>(static_cast<double>(scratch_bytes) / column_bytes);
  return {.rows = rows, .columns = std::clamp(columns, std::int64_t{1}, window.width)};
}

// Buffers that tiles share.
struct Scratch {
  std::vector<std::uint8_t> converted;   // input pixels in the reader's form
  std::vector<std::uint8_t> first_pass;  // what the second pass reads
};

void horizontal_then_vertical(const PixelReader& reader, const AxisWeights& across,
                              const AxisWeights& down, std::uint8_t* out, std::int64_t out_stride,
                              Scratch& scratch) {
  const std::int64_t begin = down.input_begin();
  const std::int64_t count = down.input_end() - begin;
  const std::int64_t stride = std::ssize(across.taps) * reader.channels();
  scratch.first_pass.resize(static_cast<std::size_t>(count * stride));
  for (std::int64_t y = 0; y < count; ++y) {
    const PixelBlock row = reader.read(across.input_begin(), across.input_end(), begin + y,
                                       begin + y + 1, scratch.converted);
    resample_row(row.data, reader.channels(), across, scratch.first_pass.data() + y * stride);
  }
  for (std::size_t y = 0; y < down.taps.size(); ++y) {
    combine_rows(scratch.first_pass.data() + (down.taps[y].first - begin) * stride, stride, down, y,
                 stride, out);
    out += out_stride;
  }
}

void vertical_then_horizontal(const PixelReader& reader, const AxisWeights& across,
                              const AxisWeights& down, std::uint8_t* out, std::int64_t out_stride,
                              Scratch& scratch) {
  const PixelBlock block = reader.read(across.input_begin(), across.input_end(), down.input_begin(),
                                       down.input_end(), scratch.converted);
  const std::int64_t row_bytes = (across.input_end() - across.input_begin()) * reader.channels();
  scratch.first_pass.resize(static_cast<std::size_t>(row_bytes));
  for (std::size_t y = 0; y < down.taps.size(); ++y) {
    combine_rows(block.data + (down.taps[y].first - down.input_begin()) * block.stride_bytes,
                 block.stride_bytes, down, y, row_bytes, scratch.first_pass.data());
    resample_row(scratch.first_pass.data(), reader.channels(), across, out);
    out += out_stride;
  }
}

// Input sample of each output sample begin .. end, or -1 for none. Pillow adds the step up, so the
// rounding errors of all samples before are part of the answer.
std::vector<std::int64_t> pillow_nearest_samples(std::int64_t in_size, std::int64_t out_size,
                                                 std::int64_t begin, std::int64_t end) {
  const double step =
      static_cast<double>(static_cast<float>(in_size)) / static_cast<double>(out_size);
  std::vector<std::int64_t> samples;
  samples.reserve(static_cast<std::size_t>(end - begin));
  double at = step * 0.5;
  for (std::int64_t i = 0; i < end; ++i, at += step) {
    const auto sample = static_cast<std::int64_t>(at);
    if (i >= begin) samples.push_back(sample < in_size ? sample : -1);
  }
  return samples;
}

std::vector<std::int64_t> aten_nearest_samples(std::int64_t in_size, std::int64_t out_size,
                                               std::int64_t begin, std::int64_t end) {
  const float scale = static_cast<float>(in_size) / static_cast<float>(out_size);
  std::vector<std::int64_t> samples;
  samples.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) {
    const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(scale);
    samples.push_back(
        std::min(static_cast<std::int64_t>(std::floor(static_cast<float>(at))), in_size - 1));
  }
  return samples;
}

}  // namespace

void resample_row(const std::uint8_t* in, std::int64_t channels, const AxisWeights& weights,
                  std::uint8_t* out) {
  if (weights.bits == kPillowWeightBits) {
    resample_row_with<kPillowWeightBits>(in, channels, weights, out);
  } else {
    resample_row_with<kAnyBits>(in, channels, weights, out);
  }
}

void combine_rows(const std::uint8_t* rows, std::int64_t stride, const AxisWeights& weights,
                  std::size_t sample, std::int64_t n, std::uint8_t* out) {
  if (weights.bits == kPillowWeightBits) {
    combine_rows_with<kPillowWeightBits>(rows, stride, weights, sample, n, out);
  } else {
    combine_rows_with<kAnyBits>(rows, stride, weights, sample, n, out);
  }
}

bool vertical_pass_first(std::int64_t in_width, std::int64_t in_height, std::int64_t out_width,
                         std::int64_t out_height) {
  return in_height > out_height && in_height - out_height > 2 * (in_width - out_width);
}

std::vector<std::uint8_t> resample_window(const PixelReader& reader, const ResizeWindow& window,
                                          ResizeMethod method, std::int64_t scratch_bytes) {
  const bool pillow = method.arithmetic == Arithmetic::kPillow;
  const auto axis = [&](std::int64_t in_size, std::int64_t out_size) {
    const int bits =
        pillow ? kPillowWeightBits : aten_weight_bits(in_size, out_size, method.kernel);
    return AxisResize{in_size, out_size, method.kernel, bits};
  };
  const AxisResize x_axis = axis(reader.width(), window.resized_width);
  const AxisResize y_axis = axis(reader.height(), window.resized_height);
  const bool vertical_first =
      pillow && vertical_pass_first(reader.width(), reader.height(), window.resized_width,
                                    window.resized_height);
  const TileSize tile = tile_size(reader, window, x_axis, y_axis, vertical_first, scratch_bytes);
  const auto run_tile = vertical_first ? vertical_then_horizontal : horizontal_then_vertical;
  const std::int64_t channels = reader.channels();
  const std::int64_t out_stride = window.width * channels;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(window.height * out_stride));
  Scratch scratch;
  AxisWeights across;
  for (std::int64_t y = 0; y < window.height; y += tile.rows) {
    const std::int64_t y_end = std::min(window.height, y + tile.rows);
    const AxisWeights down = axis_weights(y_axis, window.top + y, window.top + y_end);
    for (std::int64_t x = 0; x < window.width; x += tile.columns) {
      const std::int64_t x_end = std::min(window.width, x + tile.columns);
      if (y == 0 || tile.columns < window.width) {
        across = axis_weights(x_axis, window.left + x, window.left + x_end);
      }
      run_tile(reader, across, down, out.data() + y * out_stride + x * channels, out_stride,
               scratch);
    }
  }
  return out;
}

std::vector<std::uint8_t> nearest_window(const PixelReader& reader, const ResizeWindow& window,
                                         Arithmetic arithmetic) {
  const std::int64_t channels = reader.channels();
  const auto samples =
      arithmetic == Arithmetic::kPillow ? pillow_nearest_samples : aten_nearest_samples;
  const auto columns =
      samples(reader.width(), window.resized_width, window.left, window.left + window.width);
  const auto rows =
      samples(reader.height(), window.resized_height, window.top, window.top + window.height);
  // Samples beyond the picture stay 0, as Pillow fills them.
  std::vector<std::uint8_t> out(static_cast<std::size_t>(window.height * window.width * channels));
  std::vector<std::uint8_t> scratch;
  std::uint8_t* to = out.data();
  for (const std::int64_t y : rows) {
    const std::uint8_t* row =
        y < 0 ? nullptr : reader.read(0, reader.width(), y, y + 1, scratch).data;
    for (const std::int64_t x : columns) {
      if (row != nullptr && x >= 0) std::copy_n(row + x * channels, channels, to);
      to += channels;
    }
  }
  return out;
}

}  // namespace glint
