#include "kernels/packed_matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

namespace glint {
namespace {

std::vector<float> draw(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

double activated(double y, Activation activation) {
  if (activation == Activation::kQuickGelu) return y / (1 + std::exp(-1.702 * y));
  if (activation == Activation::kGelu) return 0.5 * y * (1 + std::erf(y / std::sqrt(2.0)));
  return y;
}

struct Layer {
  std::int64_t rows, in, out;
  std::vector<float> x = draw(static_cast<std::size_t>(rows * in), 1);
  std::vector<float> weight = draw(static_cast<std::size_t>(out * in), 2);
  std::vector<float> bias = draw(static_cast<std::size_t>(out), 3);
  std::vector<float> other = draw(static_cast<std::size_t>(rows * out), 4);

  // In f64.
  std::vector<double> expected(bool with_bias, Activation activation, bool adds) const {
    std::vector<double> y;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = with_bias ? static_cast<double>(bias[static_cast<std::size_t>(o)]) : 0;
        for (std::int64_t i = 0; i < in; ++i) {
          sum += static_cast<double>(x[static_cast<std::size_t>(r * in + i)]) *
                 static_cast<double>(weight[static_cast<std::size_t>(o * in + i)]);
        }
        sum = activated(sum, activation);
        if (adds) sum += static_cast<double>(other[static_cast<std::size_t>(r * out + o)]);
        y.push_back(sum);
      }
    }
    return y;
  }
};

// Sums of f32 products of about one each: 1e-6 of what their magnitudes may add up to.
void expect_near(const std::vector<float>& got, const std::vector<double>& expected,
                 std::int64_t terms) {
  double largest = static_cast<double>(terms), worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
  }
  EXPECT_LE(worst, 1e-6 * largest);
}

class PackedMatmulTest
    : public ::testing::TestWithParam<std::tuple<std::int64_t, std::int64_t, std::int64_t>> {};

TEST_P(PackedMatmulTest, EqualsTheSumsInF64) {
  const auto [rows, in, out] = GetParam();
  const Layer layer{.rows = rows, .in = in, .out = out};
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  for (const bool with_bias : {true, false}) {
    const PackedMatmul matmul(layer.weight.data(), with_bias ? layer.bias.data() : nullptr, in,
                              out);
    for (const auto activation :
         {Activation::kNone, Activation::kQuickGelu, Activation::kGelu}) {
      matmul.run(layer.x.data(), rows, activation, y.data());
      expect_near(y, layer.expected(with_bias, activation, false), in);
    }
    matmul.run_add(layer.x.data(), rows, layer.other.data(), y.data());
    expect_near(y, layer.expected(with_bias, Activation::kNone, true), in);
  }
}

// Rows around the ones that the layout was chosen for; sizes that no vector divides.
INSTANTIATE_TEST_SUITE_P(Sizes, PackedMatmulTest,
                         ::testing::Combine(::testing::Values(1, 2, 17, 64, 129),
                                            ::testing::Values(1, 31, 64, 200),
                                            ::testing::Values(1, 17, 64, 130)));

TEST(PackedMatmulTest, NoRowsAreNothing) {
  const Layer layer{.rows = 1, .in = 4, .out = 3};
  const PackedMatmul matmul(layer.weight.data(), nullptr, 4, 3);
  float y = 7;
  matmul.run(nullptr, 0, Activation::kNone, &y);
  EXPECT_EQ(y, 7);
}

// More row counts than are kept, from two threads, and equal calls equal to the bit.
TEST(PackedMatmulTest, ThreadsShareItAtAnyRowCount) {
  constexpr std::int64_t kMost = 90;
  const Layer layer{.rows = kMost, .in = 40, .out = 24};
  const PackedMatmul matmul(layer.weight.data(), layer.bias.data(), 40, 24);
  const auto all = [&] {
    std::vector<std::vector<float>> results;
    for (std::int64_t rows = 1; rows <= kMost; ++rows) {
      results.emplace_back(static_cast<std::size_t>(rows * 24));
      matmul.run(layer.x.data(), rows, Activation::kNone, results.back().data());
    }
    return results;
  };
  std::vector<std::vector<float>> first, second;
  std::thread one([&] { first = all(); }), two([&] { second = all(); });
  one.join();
  two.join();
  EXPECT_EQ(first, second);
  EXPECT_EQ(first, all());
}

}  // namespace
}  // namespace glint
