#include "image/resample.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace glint {
namespace {

// Resample.c: bilinear_filter, bicubic_filter (a = -0.5), in the same order of operations.
double triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// The geometry of one axis. Pillow passes the input size as a C float.
struct Axis {
  Axis(std::int64_t in_size, std::int64_t out_size, Interpolation kernel)
      : scale(static_cast<double>(static_cast<float>(in_size)) / static_cast<double>(out_size)),
        stretch(std::max(scale, 1.0)),
        support((kernel == Interpolation::kBicubic ? 2.0 : 1.0) * stretch) {}

  double scale;    // input samples an output sample
  double stretch;  // of the kernel
  double support;  // half the stretched kernel's width, in input samples
};

std::int32_t to_fixed(double weight) {
  constexpr double one = 1 << kWeightBits;
  return static_cast<std::int32_t>(weight < 0 ? -0.5 + weight * one : 0.5 + weight * one);
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

template <int kChannels>
void resample_row_of(const std::uint8_t* in, const AxisWeights& weights, std::uint8_t* out) {
  const std::int64_t begin = weights.input_begin();
  for (const AxisWeights::Taps& taps : weights.taps) {
    const std::uint8_t* pixel = in + (taps.first - begin) * kChannels;
    const std::int32_t* weight = weights.weights.data() + taps.offset;
    std::int32_t sum[kChannels];
    std::fill_n(sum, kChannels, kHalf);
    for (std::int64_t i = 0; i < taps.count; ++i, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) sum[c] += pixel[c] * weight[i];
    }
    for (int c = 0; c < kChannels; ++c) *out++ = to_byte(sum[c]);
  }
}

// How many output rows and columns a tile has, so that each of its two tables of weights and the
// block of pixels it holds (converted input, or rows after the first pass) stay within a budget.
struct TileSize {
  std::int64_t rows;
  std::int64_t columns;
};

TileSize tile_size(const PixelReader& reader, const ResizeWindow& window, Interpolation kernel,
                   bool vertical_first, std::int64_t scratch_bytes) {
  constexpr std::int64_t kWeightBytes = sizeof(std::int32_t);
  const std::int64_t taps_y = max_taps(reader.height(), window.resized_height, kernel);
  const std::int64_t taps_x = max_taps(reader.width(), window.resized_width, kernel);
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
  for (const AxisWeights::Taps& taps : down.taps) {
    combine_rows(scratch.first_pass.data() + (taps.first - begin) * stride, stride,
                 down.weights.data() + taps.offset, taps.count, stride, out);
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
  for (const AxisWeights::Taps& taps : down.taps) {
    combine_rows(block.data + (taps.first - down.input_begin()) * block.stride_bytes,
                 block.stride_bytes, down.weights.data() + taps.offset, taps.count, row_bytes,
                 scratch.first_pass.data());
    resample_row(scratch.first_pass.data(), reader.channels(), across, out);
    out += out_stride;
  }
}

// Input sample of each output sample begin .. end, or -1 for none. Pillow adds the step up, so the
// rounding errors of all samples before are part of the answer.
std::vector<std::int64_t> nearest_samples(std::int64_t in_size, std::int64_t out_size,
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

}  // namespace

std::int64_t max_taps(std::int64_t in_size, std::int64_t out_size, Interpolation kernel) {
  const Axis axis(in_size, out_size, kernel);
  return std::min(in_size, static_cast<std::int64_t>(std::ceil(axis.support)) * 2 + 1);
}

AxisWeights axis_weights(std::int64_t in_size, std::int64_t out_size, Interpolation kernel,
                         std::int64_t begin, std::int64_t end) {
  const Axis axis(in_size, out_size, kernel);
  const double inverse_stretch = 1.0 / axis.stretch;
  std::vector<double> values;  // of the kernel, for one output sample
  AxisWeights result;
  result.taps.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * axis.scale;
    const std::int64_t first =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(center - axis.support + 0.5));
    const std::int64_t last =
        std::min(in_size, static_cast<std::int64_t>(center + axis.support + 0.5));
    const std::int64_t count = std::max<std::int64_t>(0, last - first);
    values.resize(static_cast<std::size_t>(count));
    double sum = 0.0;
    for (std::int64_t k = 0; k < count; ++k) {
      const double x = (static_cast<double>(k + first) - center + 0.5) * inverse_stretch;
      const double value = kernel == Interpolation::kBicubic ? cubic(x) : triangle(x);
      values[static_cast<std::size_t>(k)] = value;
      sum += value;
    }
    if (sum == 0.0) sum = 1.0;  // Pillow leaves the weights as they are
    result.taps.push_back({.first = first, .count = count, .offset = std::ssize(result.weights)});
    for (const double value : values) result.weights.push_back(to_fixed(value / sum));
  }
  return result;
}

void resample_row(const std::uint8_t* in, std::int64_t channels, const AxisWeights& weights,
                  std::uint8_t* out) {
  switch (channels) {
    case 1:
      return resample_row_of<1>(in, weights, out);
    case 2:
      return resample_row_of<2>(in, weights, out);
    case 3:
      return resample_row_of<3>(in, weights, out);
    default:
      return resample_row_of<4>(in, weights, out);
  }
}

void combine_rows(const std::uint8_t* rows, std::int64_t stride, const std::int32_t* weights,
                  std::int64_t count, std::int64_t n, std::uint8_t* out) {
  constexpr std::int64_t kBlock = 256;  // sums that stay in registers and the nearest cache
  std::int32_t sum[kBlock];
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, n - begin);
    std::fill_n(sum, size, kHalf);
    for (std::int64_t j = 0; j < count; ++j) {
      const std::uint8_t* row = rows + j * stride + begin;
      const std::int32_t weight = weights[j];
      for (std::int64_t i = 0; i < size; ++i) sum[i] += row[i] * weight;
    }
    for (std::int64_t i = 0; i < size; ++i) out[begin + i] = to_byte(sum[i]);
  }
}

bool vertical_pass_first(std::int64_t in_width, std::int64_t in_height, std::int64_t out_width,
                         std::int64_t out_height) {
  return in_height > out_height && in_height - out_height > 2 * (in_width - out_width);
}

std::vector<std::uint8_t> resample_window(const PixelReader& reader, const ResizeWindow& window,
                                          Interpolation kernel, std::int64_t scratch_bytes) {
  const bool vertical_first = vertical_pass_first(reader.width(), reader.height(),
                                                  window.resized_width, window.resized_height);
  const TileSize tile = tile_size(reader, window, kernel, vertical_first, scratch_bytes);
  const auto run_tile = vertical_first ? vertical_then_horizontal : horizontal_then_vertical;
  const std::int64_t channels = reader.channels();
  const std::int64_t out_stride = window.width * channels;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(window.height * out_stride));
  Scratch scratch;
  AxisWeights across;
  for (std::int64_t y = 0; y < window.height; y += tile.rows) {
    const std::int64_t y_end = std::min(window.height, y + tile.rows);
    const AxisWeights down = axis_weights(reader.height(), window.resized_height, kernel,
                                          window.top + y, window.top + y_end);
    for (std::int64_t x = 0; x < window.width; x += tile.columns) {
      const std::int64_t x_end = std::min(window.width, x + tile.columns);
      if (y == 0 || tile.columns < window.width) {
        across = axis_weights(reader.width(), window.resized_width, kernel, window.left + x,
                              window.left + x_end);
      }
      run_tile(reader, across, down, out.data() + y * out_stride + x * channels, out_stride,
               scratch);
    }
  }
  return out;
}

std::vector<std::uint8_t> nearest_window(const PixelReader& reader, const ResizeWindow& window) {
  const std::int64_t channels = reader.channels();
  const auto columns = nearest_samples(reader.width(), window.resized_width, window.left,
                                       window.left + window.width);
  const auto rows = nearest_samples(reader.height(), window.resized_height, window.top,
                                    window.top + window.height);
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
