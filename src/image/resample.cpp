#include "image/resample.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>

namespace glint {
namespace {

// How many output rows and columns a tile has, so that each of its two tables of weights and the
// block of pixels it holds (converted input, or rows after the first pass) stay within a budget.
struct TileSize {
  std::int64_t rows;
  std::int64_t columns;
};

TileSize tile_size(const PixelReader& reader, const ResizeWindow& window, const AxisResize& x_axis,
                   const AxisResize& y_axis, bool vertical_first, std::int64_t scratch_bytes) {
  const std::int64_t taps_y = max_taps(y_axis);
  const std::int64_t taps_x = max_taps(x_axis);
  const std::int64_t rows = std::clamp(scratch_bytes / (taps_y * resample::kMostDownBytes),
                                       std::int64_t{1}, window.height);
  const double scale_x =
      static_cast<double>(reader.width()) / static_cast<double>(window.resized_width);
  const double scale_y =
      static_cast<double>(reader.height()) / static_cast<double>(window.resized_height);
  const double block_rows = static_cast<double>(taps_y) + scale_y * static_cast<double>(rows);
  // Pixels of the block that one more output column needs.
  const double block_columns = vertical_first ? std::max(1.0, scale_x) : 1.0;
  const double column_bytes =
      std::max(static_cast<double>(taps_x * resample::kMostAcrossBytes),
               block_rows * block_columns * static_cast<double>(reader.channels()));
  const auto columns = static_cast<std::int64_t>(static_cast<double>(scratch_bytes) / column_bytes);
  return {.rows = rows, .columns = std::clamp(columns, std::int64_t{1}, window.width)};
}

// The weights of one axis of a tile, and the pass that has them.
struct Across {
  AxisWeights weights;
  std::unique_ptr<AcrossPass> pass;
};
struct Down {
  AxisWeights weights;
  std::unique_ptr<DownPass> pass;
};

// Buffers that tiles share.
struct Scratch {
  std::vector<std::uint8_t> converted;   // input pixels in the reader's form
  std::vector<std::uint8_t> first_pass;  // what the second pass reads
};

// The rows of the horizontal pass that the vertical one reads next: a few more than it needs for a
// row, so that they stay in the nearest caches.
class SlidingRows {
 public:
  SlidingRows(const PixelReader& reader, const Across& across, const AxisWeights& down,
              Scratch& scratch)
      : reader_(reader),
        across_(across),
        stride_(std::ssize(across.weights.taps) * reader.channels()),
        last_(down.input_end()),
        begin_(down.input_begin()),
        end_(begin_),
        scratch_(scratch) {
    constexpr std::int64_t kAhead = 4;  // rows that an implementation takes at a time
    std::int64_t longest = 0;
    for (const AxisWeights::Taps& taps : down.taps) longest = std::max(longest, taps.count);
    capacity_ = std::min(last_ - begin_, 2 * longest + kAhead);
    scratch.first_pass.resize(static_cast<std::size_t>(capacity_ * stride_));
  }

  std::int64_t stride() const { return stride_; }

  // The rows of `taps`, whose first and end never decrease from call to call.
  const std::uint8_t* get(const AxisWeights::Taps& taps) {
    if (taps.first + taps.count > end_) slide(taps.first);
    return scratch_.first_pass.data() + (taps.first - begin_) * stride_;
  }

 private:
  void slide(std::int64_t first) {
    std::uint8_t* const rows = scratch_.first_pass.data();
    if (first < end_) {
      std::copy(rows + (first - begin_) * stride_, rows + (end_ - begin_) * stride_, rows);
    } else {
      end_ = first;
    }
    begin_ = first;
    const std::int64_t end = std::min(last_, begin_ + capacity_);
    const PixelBlock block = reader_.read(
        across_.weights.input_begin(), across_.weights.input_end(), end_, end, scratch_.converted);
    across_.pass->run(block.data, block.stride_bytes, end - end_, rows + (end_ - begin_) * stride_,
                      stride_);
    end_ = end;
  }

  const PixelReader& reader_;
  const Across& across_;
  std::int64_t stride_;
  std::int64_t last_;      // end of the rows that are ever needed
  std::int64_t begin_;     // the input row that lies first in the buffer
  std::int64_t end_;       // and the one behind the last
  std::int64_t capacity_;  // rows
  Scratch& scratch_;
};

void horizontal_then_vertical(const PixelReader& reader, const Across& across, const Down& down,
                              std::uint8_t* out, std::int64_t out_stride, Scratch& scratch) {
  SlidingRows rows(reader, across, down.weights, scratch);
  for (std::size_t y = 0; y < down.weights.taps.size(); ++y, out += out_stride) {
    down.pass->run(y, rows.get(down.weights.taps[y]), rows.stride(), rows.stride(), out);
  }
}

void vertical_then_horizontal(const PixelReader& reader, const Across& across, const Down& down,
                              std::uint8_t* out, std::int64_t out_stride, Scratch& scratch) {
  const std::int64_t x_begin = across.weights.input_begin();
  const std::int64_t x_end = across.weights.input_end();
  const std::int64_t y_begin = down.weights.input_begin();
  const PixelBlock block =
      reader.read(x_begin, x_end, y_begin, down.weights.input_end(), scratch.converted);
  const std::int64_t row_bytes = (x_end - x_begin) * reader.channels();
  scratch.first_pass.resize(static_cast<std::size_t>(row_bytes));
  for (std::size_t y = 0; y < down.weights.taps.size(); ++y, out += out_stride) {
    down.pass->run(y, block.data + (down.weights.taps[y].first - y_begin) * block.stride_bytes,
                   block.stride_bytes, row_bytes, scratch.first_pass.data());
    across.pass->run(scratch.first_pass.data(), row_bytes, 1, out, out_stride);
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

bool vertical_pass_first(std::int64_t in_width, std::int64_t in_height, std::int64_t out_width,
                         std::int64_t out_height) {
  return in_height > out_height && in_height - out_height > 2 * (in_width - out_width);
}

std::vector<std::uint8_t> resample_window(const PixelReader& reader, const ResizeWindow& window,
                                          ResizeMethod method, std::int64_t scratch_bytes,
                                          const ResampleImplementation& implementation) {
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
  Across across;
  Down down;
  for (std::int64_t y = 0; y < window.height; y += tile.rows) {
    const std::int64_t y_end = std::min(window.height, y + tile.rows);
    down.weights = axis_weights(y_axis, window.top + y, window.top + y_end);
    down.pass = implementation.down(down.weights);
    for (std::int64_t x = 0; x < window.width; x += tile.columns) {
      const std::int64_t x_end = std::min(window.width, x + tile.columns);
      if (y == 0 || tile.columns < window.width) {
        across.weights = axis_weights(x_axis, window.left + x, window.left + x_end);
        across.pass = implementation.across(across.weights, channels);
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
