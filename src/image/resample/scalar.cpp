// The reference: the sums as Pillow's Resample.c and ATen write them.
#include <algorithm>

#include "image/resample/passes.h"
#include "image/resample/sums.h"

namespace glint::resample {
namespace {

template <int kChannels>
class ScalarAcross : public AcrossPass {
 public:
  explicit ScalarAcross(const AxisWeights& weights) : weights_(weights) {}

  void run(const std::uint8_t* in, std::int64_t in_stride, std::int64_t rows, std::uint8_t* out,
           std::int64_t out_stride) const override {
    for (std::int64_t y = 0; y < rows; ++y) row(in + y * in_stride, out + y * out_stride);
  }

 private:
  void row(const std::uint8_t* in, std::uint8_t* out) const {
    for (const AxisWeights::Taps& taps : weights_.taps) {
      const std::uint8_t* pixel = in + (taps.first - weights_.input_begin()) * kChannels;
      const std::int32_t* weight = weights_.weights.data() + taps.offset;
      std::int32_t sum[kChannels];
      std::fill_n(sum, kChannels, half(weights_.bits));
      for (std::int64_t i = 0; i < taps.count; ++i, pixel += kChannels) {
        for (int c = 0; c < kChannels; ++c) sum[c] += pixel[c] * weight[i];
      }
      for (int c = 0; c < kChannels; ++c) *out++ = to_byte(sum[c], weights_.bits);
    }
  }

  const AxisWeights& weights_;
};

class ScalarDown : public DownPass {
 public:
  explicit ScalarDown(const AxisWeights& weights) : weights_(weights) {}

  void run(std::size_t sample, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
           std::uint8_t* out) const override {
    constexpr std::int64_t kBlock = 256;  // sums that stay in registers and the nearest cache
    const AxisWeights::Taps& taps = weights_.taps[sample];
    std::int32_t sum[kBlock];
    for (std::int64_t begin = 0; begin < n; begin += kBlock) {
      const std::int64_t size = std::min(kBlock, n - begin);
      std::fill_n(sum, size, half(weights_.bits));
      for (std::int64_t j = 0; j < taps.count; ++j) {
        const std::uint8_t* row = rows + j * stride + begin;
        const std::int32_t weight = weights_.weights[static_cast<std::size_t>(taps.offset + j)];
        for (std::int64_t i = 0; i < size; ++i) sum[i] += row[i] * weight;
      }
      for (std::int64_t i = 0; i < size; ++i) out[begin + i] = to_byte(sum[i], weights_.bits);
    }
  }

 private:
  const AxisWeights& weights_;
};

std::unique_ptr<AcrossPass> across(const AxisWeights& weights, std::int64_t channels) {
  switch (channels) {
    case 1:
      return std::make_unique<ScalarAcross<1>>(weights);
    case 2:
      return std::make_unique<ScalarAcross<2>>(weights);
    case 3:
      return std::make_unique<ScalarAcross<3>>(weights);
    default:
      return std::make_unique<ScalarAcross<4>>(weights);
  }
}

std::unique_ptr<DownPass> down(const AxisWeights& weights) {
  return std::make_unique<ScalarDown>(weights);
}

}  // namespace

const ResampleImplementation kScalar{"scalar", across, down};

}  // namespace glint::resample
