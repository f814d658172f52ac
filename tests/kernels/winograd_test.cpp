// Every f32 kernel of this machine against sums in f64.
#include "kernels/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "kernels.h"

namespace glint {
namespace {

struct Convolution {
  Windows windows;
  std::int64_t out;
  std::int64_t in = windows.channels;
  std::int64_t numbers = windows.count() * out;  // of y
  std::vector<float> pixels = draw(windows.batch * windows.size[0] * windows.size[1] * in, 1);
  std::vector<float> weight = draw(out * in * 9, 2);
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
      for (std::int64_t i = 0; i < 9; ++i) {
        sum += pixel(image, top + i / 3, left + i % 3, k) *
               weight[static_cast<std::size_t>((n * in + k) * 9 + i)];
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
  std::vector<float> got(const MatmulKernels& kernels) const {
    const WinogradConvolution convolution(weight.data(), bias.data(), in, out, kernels);
    // One more number than there is: nothing is written behind y.
    std::vector<float> y(static_cast<std::size_t>(numbers) + 1, 7.0F);
    convolution.run(pixels.data(), windows, {.other = other.data(), .rectify = true}, y.data());
    EXPECT_EQ(y.back(), 7.0F);
    y.pop_back();
    return y;
  }
};

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
    const double peak = *std::ranges::max_element(expected);
    for (const MatmulKernels* kernels : matmul_kernels(Operands::kF32)) {
      const auto got = convolution.got(*kernels);
      double worst = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        worst = std::max(worst, std::abs(got[i] - expected[i]));
      }
      // f32 sums of up to a few hundred products, with a bit less than they have otherwise.
      EXPECT_LE(worst, 3e-6 * std::max(peak, 1.0)) << kernels->name << ", " << out << " outputs";
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
    const auto y = convolution.got(*kernels);
    EXPECT_TRUE(std::isnan(y[0])) << kernels->name;
    EXPECT_FALSE(std::isnan(y.back())) << kernels->name;
  }
}

TEST(WinogradTest, TakesSquaresOfThreeWithoutAStride) {
  EXPECT_TRUE(WinogradConvolution::takes({3, 3}, {1, 1}));
  EXPECT_FALSE(WinogradConvolution::takes({3, 3}, {2, 1}));
  EXPECT_FALSE(WinogradConvolution::takes({5, 3}, {1, 1}));
}

}  // namespace
}  // namespace glint
