#include "image/resample/avx512.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "image/resample/passes.h"

namespace glint::resample {
namespace {

// Of a weight within +-8,355,711 (three times 127). Normalised to sum 1 with 22 fractional bits,
// none exceeds 1.4: the negative lobes of the cubic kernel are small beside its middle.
struct Digits {
  std::int8_t digit[3];
  explicit Digits(std::int32_t weight) {
    for (std::int8_t& d : digit) {
      d = static_cast<std::int8_t>(weight);
      weight = (weight - d) >> 8;
    }
  }
};

std::int64_t row_bytes_of(const AxisWeights& weights, std::int64_t channels) {
  return (weights.input_end() - weights.input_begin()) * channels;
}

// 16 results at a time.
class WindowPlan {
 public:
  // None if four taps of 16 results do not always lie within a window.
  static std::optional<WindowPlan> make(const AxisWeights& weights, std::int64_t channels) {
    WindowPlan plan(weights, channels);
    const std::int64_t out_bytes = std::ssize(weights.taps) * channels;
    for (std::int64_t out = 0; out < out_bytes; out += 16) {
      if (!plan.add_group(out, std::min(out + 16, out_bytes))) return std::nullopt;
    }
    return plan;
  }

  std::vector<avx512::Window> windows;
  std::vector<std::int64_t> ends;

 private:
  WindowPlan(const AxisWeights& weights, std::int64_t channels)
      : weights_(&weights), channels_(channels) {}

  const AxisWeights::Taps& taps_of(std::int64_t out) const {
    return weights_->taps[static_cast<std::size_t>(out / channels_)];
  }
  std::int64_t byte_of(std::int64_t out, std::int64_t tap) const {
    return (taps_of(out).first - weights_->input_begin() + tap) * channels_ + out % channels_;
  }

  // The windows of the results out .. end.
  bool add_group(std::int64_t out, std::int64_t end) {
    std::int64_t most = 0;
    for (std::int64_t i = out; i < end; ++i) most = std::max(most, taps_of(i).count);
    for (std::int64_t tap = 0; tap < most; tap += 4) {
      if (!add_window(out, end, tap)) return false;
    }
    ends.push_back(std::ssize(windows));
    return true;
  }

  // The taps from `tap` on, up to four.
  bool add_window(std::int64_t out, std::int64_t end, std::int64_t tap) {
    const std::int64_t row_bytes = row_bytes_of(*weights_, channels_);
    std::int64_t low = row_bytes;
    std::int64_t high = 0;
    for (std::int64_t i = out; i < end; ++i) {
      const std::int64_t last = std::min(tap + 4, taps_of(i).count) - 1;
      if (last < tap) continue;
      low = std::min(low, byte_of(i, tap));
      high = std::max(high, byte_of(i, last));
    }
    if (high - low >= avx512::kWindowBytes) return false;
    avx512::Window& window = windows.emplace_back();
    window.begin = std::clamp(row_bytes - avx512::kWindowBytes, std::int64_t{0}, low);
    for (std::int64_t i = out; i < end; ++i) {
      for (std::int64_t t = 0; t < 4 && tap + t < taps_of(i).count; ++t) {
        const std::int64_t place = 4 * (i - out) + t;
        window.index[place] = static_cast<std::uint8_t>(byte_of(i, tap + t) - window.begin);
        const Digits digits(
            weights_->weights[static_cast<std::size_t>(taps_of(i).offset + tap + t)]);
        for (int k = 0; k < 3; ++k) window.digits[k][place] = digits.digit[k];
      }
    }
    return true;
  }

  const AxisWeights* weights_;
  std::int64_t channels_;
};

class WindowAcross : public AcrossPass {
 public:
  WindowAcross(WindowPlan plan, const AxisWeights& weights, std::int64_t channels)
      : plan_(std::move(plan)),
        windows_{.bits = weights.bits,
                 .row_bytes = row_bytes_of(weights, channels),
                 .out_bytes = std::ssize(weights.taps) * channels,
                 .windows = plan_.windows.data(),
                 .ends = plan_.ends.data()} {}

  void run(const std::uint8_t* in, std::int64_t in_stride, std::int64_t rows, std::uint8_t* out,
           std::int64_t out_stride) const override {
    avx512::resample_rows(windows_, in, in_stride, rows, out, out_stride);
  }

 private:
  WindowPlan plan_;
  avx512::Windows windows_;
};

// A pixel at a time.
class PixelAcross : public AcrossPass {
 public:
  PixelAcross(const AxisWeights& weights, std::int64_t channels) {
    std::int64_t block_count = 0;
    for (const auto& taps : weights.taps) block_count += (taps.count + 15) / 16;
    blocks_.resize(static_cast<std::size_t>(block_count));
    list_.reserve(weights.taps.size());
    avx512::Block* block = blocks_.data();
    for (const auto& taps : weights.taps) {
      const std::int32_t* plain = weights.weights.data() + taps.offset;
      list_.push_back({.begin = (taps.first - weights.input_begin()) * channels,
                       .blocks = block,
                       .block_count = (taps.count + 15) / 16});
      for (std::int64_t t = 0; t < taps.count; ++t) put(plain[t], t % 16, block[t / 16]);
      block += list_.back().block_count;
    }
    pixels_ = {.bits = weights.bits,
               .channels = channels,
               .row_bytes = row_bytes_of(weights, channels),
               .pixels = list_.data(),
               .pixel_count = std::ssize(list_)};
  }

  void run(const std::uint8_t* in, std::int64_t in_stride, std::int64_t rows, std::uint8_t* out,
           std::int64_t out_stride) const override {
    avx512::resample_rows(pixels_, in, in_stride, rows, out, out_stride);
  }

 private:
  static void put(std::int32_t weight, std::int64_t tap, avx512::Block& block) {
    const Digits digits(weight);
    for (int k = 0; k < 3; ++k) {
      std::int8_t* place = block.digits[k] + tap / 4 * 16 + tap % 4;
      for (int c = 0; c < 4; ++c) place[4 * c] = digits.digit[k];
    }
  }

  std::vector<avx512::Block> blocks_;
  std::vector<avx512::Pixel> list_;
  avx512::Pixels pixels_;
};

class Avx512Down : public DownPass {
 public:
  explicit Avx512Down(const AxisWeights& weights) {
    std::int64_t quad_count = 0;
    for (const auto& taps : weights.taps) quad_count += (taps.count + 3) / 4;
    quads_.resize(static_cast<std::size_t>(quad_count));
    samples_.reserve(weights.taps.size());
    avx512::Quad* quad = quads_.data();
    for (const auto& taps : weights.taps) {
      samples_.push_back({.bits = weights.bits, .quads = quad, .count = taps.count});
      for (std::int64_t t = 0; t < taps.count; ++t) {
        const Digits digits(weights.weights[static_cast<std::size_t>(taps.offset + t)]);
        for (int k = 0; k < 3; ++k) quad[t / 4].digits[k][t % 4] = digits.digit[k];
      }
      quad += (taps.count + 3) / 4;
    }
  }

  void run(std::size_t sample, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
           std::uint8_t* out) const override {
    avx512::combine_rows(samples_[sample], rows, stride, n, out);
  }

 private:
  std::vector<avx512::Quad> quads_;
  std::vector<avx512::Down> samples_;
};

std::unique_ptr<AcrossPass> across(const AxisWeights& weights, std::int64_t channels) {
  if (auto plan = WindowPlan::make(weights, channels)) {
    return std::make_unique<WindowAcross>(*std::move(plan), weights, channels);
  }
  return std::make_unique<PixelAcross>(weights, channels);
}

std::unique_ptr<DownPass> down(const AxisWeights& weights) {
  return std::make_unique<Avx512Down>(weights);
}

}  // namespace

const ResampleImplementation kAvx512{"avx512", across, down};

}  // namespace glint::resample
