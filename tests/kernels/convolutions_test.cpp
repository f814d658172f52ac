// Every kernel of this machine that convolves against sums in f64.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels.h"
#include "kernels/direct_convolution.h"
#include "kernels/winograd.h"

namespace glint {
namespace {

// Of numbers that bf16 has, so that its products are those of f32.
std::vector<float> draw_bf16(std::int64_t count, unsigned seed) {
  auto values = draw(count, seed);
  for (float& value : values) {
    value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0xFFFF0000U);
  }
  return values;
}

struct Convolution {
  using Run = std::function<void(const float* pixels, const MatmulSteps& steps, float* y)>;

  Windows windows;
  std::int64_t out;
  std::int64_t in = windows.channels;
  std::int64_t numbers = windows.count() * out;  // of y
  std::int64_t area = windows.kernel[0] * windows.kernel[1];
  std::vector<float> pixels = draw_bf16(windows.batch * windows.size[0] * windows.size[1] * in, 1);
  std::vector<float> weight = draw_bf16(out * in * area, 2);  // [out, in, down, across]
  std::vector<float> bias = draw(out, 3);
  std::vector<float> other = draw(numbers, 4);

  double pixel(std::int64_t image, std::int64_t row, std::int64_t column, std::int64_t k) const {
    const auto [height, width] = windows.size;
    if (row < 0 || row >= height || column < 0 || column >= width) return 0;
    return pixels[static_cast<std::size_t>(((image * height + row) * width + column) * in + k)];
  }
  double at(std::int64_t window, std::int64_t n) const {
    const std::int64_t across = windows.positions(1), down = windows.positions(0);
    const std::int64_t image = window / (down * across);
    const std::int64_t top = window / across % down - windows.padding[0];
    const std::int64_t left = window % across - windows.padding[1];
    double sum = bias[static_cast<std::size_t>(n)];
    for (std::int64_t k = 0; k < in; ++k) {
      for (std::int64_t i = 0; i < area; ++i) {
        sum += pixel(image, top + i / windows.kernel[1], left + i % windows.kernel[1], k) *
               weight[static_cast<std::size_t>((n * in + k) * area + i)];
      }
    }
    return sum;
  }
  // relu(sums + other)
  std::vector<double> expected() const {
    std::vector<double> y;
    for (std::int64_t window = 0; window < windows.count(); ++window) {
      for (std::int64_t n = 0; n < out; ++n) {
        y.push_back(std::max(0.0, at(window, n) + other[y.size()]));
      }
    }
    return y;
  }
  // One more number than there is: nothing is written behind y.
  std::vector<float> got(const Run& run) const {
    std::vector<float> y(static_cast<std::size_t>(numbers) + 1, 7.0F);
    run(pixels.data(), {.other = other.data(), .rectify = true}, y.data());
    EXPECT_EQ(y.back(), 7.0F);
    y.pop_back();
    return y;
  }
  std::vector<float> winograd(const MatmulKernels& kernels) const {
    const WinogradConvolution convolution(weight.data(), bias.data(), in, out, kernels);
    return got(
        [&](const auto* x, const auto& steps, auto* y) { convolution.run(x, windows, steps, y); });
  }
  std::vector<float> direct(const MatmulKernels& kernels) const {
    std::vector<float> by_pixels(weight.size());  // [out, down, across, in]
    for (std::int64_t i = 0; i < out * in * area; ++i) {
      by_pixels[static_cast<std::size_t>((i / (in * area) * area + i % area) * in +
                                         i / area % in)] = weight[static_cast<std::size_t>(i)];
    }
    const DirectConvolution convolution(by_pixels.data(), bias.data(), windows.kernel, in, out,
                                        kernels);
    return got(
        [&](const auto* x, const auto& steps, auto* y) { convolution.run(x, windows, steps, y); });
  }
};

// f32 sums of up to a thousand products, with a bit less than they have otherwise.
void expect_close(const std::vector<float>& got, const std::vector<double>& expected,
                  const MatmulKernels& kernels) {
  const double peak = std::max(1.0, *std::ranges::max_element(expected));
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(got[i] - expected[i]));
  }
  EXPECT_LE(worst, 3e-6 * peak) << kernels.name;
}

Windows windows_of(std::int64_t batch, std::int64_t channels, Pair size, Pair padding) {
  return {batch, channels, size, {3, 3}, {1, 1}, padding};
}

class WinogradTest : public ::testing::TestWithParam<Windows> {};

// Odd and even sides, one window, windows that lie outside of the picture altogether, and channels
// that fill no vector.
TEST_P(WinogradTest, IsTheConvolution) {
  for (const std::int64_t out : {1, 17, 40}) {
    const Convolution convolution{GetParam(), out};
    const auto expected = convolution.expected();
    for (const MatmulKernels* kernels : matmul_kernels(Operands::kF32)) {
      SCOPED_TRACE(out);
      expect_close(convolution.winograd(*kernels), expected, *kernels);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, WinogradTest,
    ::testing::Values(windows_of(1, 3, {3, 3}, {0, 0}), windows_of(2, 16, {7, 10}, {1, 1}),
                      windows_of(1, 33, {6, 5}, {1, 1}), windows_of(3, 5, {1, 2}, {1, 1}),
                      windows_of(1, 20, {4, 9}, {3, 0}), windows_of(2, 8, {30, 41}, {1, 2})));

// A tower that fails says so: what is not a number stays so, and only where it was.
TEST(WinogradTest, NaNReachesItsNeighboursOnly) {
  for (const MatmulKernels* kernels : matmul_kernels(Operands::kF32)) {
    Convolution convolution{windows_of(1, 4, {12, 12}, {1, 1}), 6};
    convolution.pixels[0] = std::numeric_limits<float>::quiet_NaN();
    const auto y = convolution.winograd(*kernels);
    EXPECT_TRUE(std::isnan(y[0])) << kernels->name;
    EXPECT_FALSE(std::isnan(y.back())) << kernels->name;
  }
}

class DirectConvolutionTest : public ::testing::TestWithParam<Windows> {};

// Nothing to compare where no kernels multiply in parts.
TEST_P(DirectConvolutionTest, IsTheConvolution) {
  const Windows& windows = GetParam();
  for (const std::int64_t out : {1, 40}) {
    const Convolution convolution{windows, out};
    const auto expected = convolution.expected();
    for (const MatmulKernels* kernels : matmul_kernels(Operands::kBf16)) {
      SCOPED_TRACE(out);
      if (!DirectConvolution::takes(*kernels, windows.kernel, windows.stride, windows.channels)) {
        continue;
      }
      expect_close(convolution.direct(*kernels), expected, *kernels);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, DirectConvolutionTest,
                         ::testing::Values(windows_of(1, 32, {3, 3}, {0, 0}),
                                           windows_of(3, 64, {7, 7}, {1, 1}),
                                           windows_of(2, 32, {1, 2}, {1, 1}),
                                           windows_of(1, 96, {30, 41}, {1, 2}),
                                           Windows{2, 32, {6, 9}, {2, 5}, {1, 1}, {1, 2}},
                                           Windows{1, 64, {12, 5}, {5, 1}, {1, 1}, {0, 0}}));

TEST(DirectConvolutionTest, TakesWholeStepsOfNeighbours) {
  for (const MatmulKernels* kernels : all_kernels()) {
    const bool in_parts = kernels->operands == Operands::kBf16 && kernels->part != 0;
    EXPECT_EQ(DirectConvolution::takes(*kernels, {3, 3}, {1, 1}, 32), in_parts) << kernels->name;
    EXPECT_FALSE(DirectConvolution::takes(*kernels, {3, 3}, {2, 1}, 32));
    EXPECT_FALSE(DirectConvolution::takes(*kernels, {3, 3}, {1, 1}, 3));
    EXPECT_FALSE(DirectConvolution::takes(*kernels, {1, 1}, {1, 1}, 32));
  }
}

TEST(WinogradTest, TakesSquaresOfThreeWithoutAStride) {
  for (const MatmulKernels* kernels : all_kernels()) {
    const bool f32 = kernels->operands == Operands::kF32;
    EXPECT_EQ(WinogradConvolution::takes(*kernels, {3, 3}, {1, 1}, 64), f32) << kernels->name;
    EXPECT_FALSE(WinogradConvolution::takes(*kernels, {3, 3}, {1, 1}, 2048));
    EXPECT_FALSE(WinogradConvolution::takes(*kernels, {3, 3}, {2, 1}, 64));
    EXPECT_FALSE(WinogradConvolution::takes(*kernels, {5, 3}, {1, 1}, 64));
  }
}

}  // namespace
}  // namespace glint
