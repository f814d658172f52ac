#include "image/resample/avx2.h"

#include <vector>

#include "image/resample/passes.h"

namespace glint::resample {
namespace {

struct Halves {
  std::int16_t low;
  std::int16_t high;
};

// low from -2^11 to 2^11 - 1. Weights are below 2^23: normalised to sum 1 with 22 fractional bits,
// none exceeds 1.4 (the negative lobes of the cubic kernel are small beside its middle).
Halves split(std::int32_t weight) {
  constexpr std::int32_t kOne = std::int32_t{1} << avx2::kLowBits;
  const std::int32_t high = (weight + kOne / 2) >> avx2::kLowBits;
  return {static_cast<std::int16_t>(weight - high * kOne), static_cast<std::int16_t>(high)};
}

class Avx2Across : public AcrossPass {
 public:
  Avx2Across(const AxisWeights& weights, std::int64_t channels) {
    std::int64_t quad_count = 0;
    for (const auto& taps : weights.taps) quad_count += (taps.count + 3) / 4;
    quads_.resize(static_cast<std::size_t>(quad_count));
    pixels_.reserve(weights.taps.size());
    avx2::Quad* quad = quads_.data();
    for (const auto& taps : weights.taps) {
      const std::int32_t* plain = weights.weights.data() + taps.offset;
      pixels_.push_back({.begin = (taps.first - weights.input_begin()) * channels,
                         .quads = quad,
                         .quad_count = (taps.count + 3) / 4,
                         .weights = plain,
                         .count = taps.count});
      for (std::int64_t k = 0; k < taps.count; ++k) put(plain[k], k % 4, quad[k / 4]);
      quad += pixels_.back().quad_count;
    }
    across_ = {.channels = channels,
               .bits = weights.bits,
               .pixels = pixels_.data(),
               .pixel_count = std::ssize(pixels_),
               .wide_count = 0};
    const std::int64_t row_bytes = (weights.input_end() - weights.input_begin()) * channels;
    for (const avx2::Pixel& pixel : pixels_) {
      if (pixel.begin + (pixel.quad_count - 1) * 4 * channels + 16 > row_bytes) break;
      ++across_.wide_count;
    }
  }

  void run(const std::uint8_t* in, std::int64_t in_stride, std::int64_t rows, std::uint8_t* out,
           std::int64_t out_stride) const override {
    avx2::resample_rows(across_, in, in_stride, rows, out, out_stride);
  }

 private:
  static void put(std::int32_t weight, std::int64_t tap, avx2::Quad& quad) {
    const Halves halves = split(weight);
    for (std::int64_t channel = 0; channel < 4; ++channel) {
      const std::int64_t word = tap / 2 * 8 + channel * 2 + tap % 2;
      quad.low[word] = halves.low;
      quad.high[word] = halves.high;
    }
  }

  std::vector<avx2::Quad> quads_;
  std::vector<avx2::Pixel> pixels_;
  avx2::Across across_;
};

class Avx2Down : public DownPass {
 public:
  explicit Avx2Down(const AxisWeights& weights) {
    std::int64_t pair_count = 0;
    for (const auto& taps : weights.taps) pair_count += (taps.count + 1) / 2;
    pairs_.resize(static_cast<std::size_t>(pair_count));
    samples_.reserve(weights.taps.size());
    avx2::Pair* pair = pairs_.data();
    for (const auto& taps : weights.taps) {
      const std::int32_t* plain = weights.weights.data() + taps.offset;
      samples_.push_back(
          {.bits = weights.bits, .pairs = pair, .weights = plain, .count = taps.count});
      for (std::int64_t k = 0; k < taps.count; ++k) {
        const Halves halves = split(plain[k]);
        pair[k / 2].low[k % 2] = halves.low;
        pair[k / 2].high[k % 2] = halves.high;
      }
      pair += (taps.count + 1) / 2;
    }
  }

  void run(std::size_t sample, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
           std::uint8_t* out) const override {
    avx2::combine_rows(samples_[sample], rows, stride, n, out);
  }

 private:
  std::vector<avx2::Pair> pairs_;
  std::vector<avx2::Down> samples_;
};

std::unique_ptr<AcrossPass> across(const AxisWeights& weights, std::int64_t channels) {
  return std::make_unique<Avx2Across>(weights, channels);
}

std::unique_ptr<DownPass> down(const AxisWeights& weights) {
  return std::make_unique<Avx2Down>(weights);
}

}  // namespace

const ResampleImplementation kAvx2{"avx2", across, down};

}  // namespace glint::resample
