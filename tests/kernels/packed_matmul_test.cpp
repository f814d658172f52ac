// Every kernel of this machine against sums in f64.
#include "kernels/packed_matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <tuple>
#include <vector>

#include "core/half.h"
#include "kernels.h"
#include "kernels/head_products.h"

namespace glint {
namespace {

using Doubles = std::vector<double>;

double activated(double y, Activation activation) {
  if (activation == Activation::kQuickGelu) return y / (1 + std::exp(-1.702 * y));
  if (activation == Activation::kGelu) return 0.5 * y * (1 + std::erf(y / std::sqrt(2.0)));
  return y;
}

struct Layer {
  std::int64_t rows, in, out;
  std::vector<float> x = draw(rows * in, 1);
  std::vector<float> weight = draw(out * in, 2);
  std::vector<float> bias = draw(out, 3);
  std::vector<float> other = draw(rows * out, 4);
  std::vector<float> norm_weight = draw(in, 5);
  std::vector<float> norm_bias = draw(in, 6);
  LayerNorm norm{norm_weight.data(), norm_bias.data(), 1e-5F};

  Doubles normalized(std::int64_t r) const {
    const auto* row = x.data() + r * in;
    const double count = static_cast<double>(in);
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < in; ++i) mean += row[i] / count;
    for (std::int64_t i = 0; i < in; ++i) variance += std::pow(row[i] - mean, 2) / count;
    Doubles result;
    for (std::int64_t i = 0; i < in; ++i) {
      const auto at = static_cast<std::size_t>(i);
      result.push_back((row[i] - mean) / std::sqrt(variance + 1e-5) * norm_weight[at] +
                       norm_bias[at]);
    }
    return result;
  }

  Doubles expected(bool with_bias, const MatmulSteps& steps) const {
    Doubles y;
    for (std::int64_t r = 0; r < rows; ++r) {
      const Doubles row = steps.norm != nullptr
                              ? normalized(r)
                              : Doubles(x.begin() + r * in, x.begin() + (r + 1) * in);
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = with_bias ? static_cast<double>(bias[static_cast<std::size_t>(o)]) : 0;
        for (std::int64_t i = 0; i < in; ++i) {
          sum += row[static_cast<std::size_t>(i)] *
                 static_cast<double>(weight[static_cast<std::size_t>(o * in + i)]);
        }
        sum = activated(sum, steps.activation);
        if (steps.other != nullptr) sum += steps.other[r * out + o];
        if (steps.rectify) sum = std::max(sum, 0.0);
        y.push_back(sum);
      }
    }
    return y;
  }
};

// The largest error over the largest value, or over `terms` products of about one each, rounded in
// f32. With 8 significant bits a factor is 2^-9 off at most, with 8-bit integers 1/254 of the
// row's largest (some 4 at these sizes): errors of `terms` products add up like a random walk.
void expect_near(const std::vector<float>& got, const Doubles& expected, std::int64_t terms,
                 Operands operands) {
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
  }
  const double count = static_cast<double>(terms);
  if (operands == Operands::kF32) {
    EXPECT_LE(worst, 1e-6 * std::max(count, largest));
  } else {
    EXPECT_LE(worst, (operands == Operands::kBf16 ? 0.03 : 0.15) * std::sqrt(count));
  }
}

using Sizes = std::tuple<const MatmulKernels*, std::int64_t, std::int64_t, std::int64_t>;
class PackedMatmulTest : public ::testing::TestWithParam<Sizes> {};

TEST_P(PackedMatmulTest, EqualsTheSumsInF64) {
  const auto [kernels, rows, in, out] = GetParam();
  const Layer layer{.rows = rows, .in = in, .out = out};
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  for (const bool with_bias : {true, false}) {
    const PackedMatmul matmul(layer.weight.data(), with_bias ? layer.bias.data() : nullptr, in, out,
                              *kernels);
    for (const MatmulSteps& steps :
         {MatmulSteps{}, MatmulSteps{.activation = Activation::kQuickGelu},
          MatmulSteps{.activation = Activation::kGelu}, MatmulSteps{.other = layer.other.data()},
          MatmulSteps{.other = layer.other.data(), .rectify = true},
          MatmulSteps{
              .norm = &layer.norm, .activation = Activation::kGelu, .other = layer.other.data()}}) {
      if (steps.norm != nullptr && in < 8) continue;  // a variance of nearly nothing
      matmul.run(layer.x.data(), rows, steps, y.data());
      expect_near(y, layer.expected(with_bias, steps), in, kernels->operands);
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<Sizes>& info) {
  const auto [kernels, rows, in, out] = info.param;
  return std::string(kernels->name) + "_" + std::to_string(rows) + "x" + std::to_string(in) + "x" +
         std::to_string(out);
}

// Rows around a tile's, sizes that no vector and no word divides, and a depth whose rows would fall
// into the same sets of the cache.
INSTANTIATE_TEST_SUITE_P(Sizes, PackedMatmulTest,
                         ::testing::Combine(::testing::ValuesIn(all_kernels()),
                                            ::testing::Values(1, 14, 15, 47),
                                            ::testing::Values(1, 31, 203),
                                            ::testing::Values(17, 64, 130)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(ADepthOfPages, PackedMatmulTest,
                         ::testing::Combine(::testing::ValuesIn(all_kernels()),
                                            ::testing::Values(3), ::testing::Values(1024, 2048),
                                            ::testing::Values(40)),
                         name_of);

// More rows than the second cache takes at this depth.
INSTANTIATE_TEST_SUITE_P(BlocksOfRows, PackedMatmulTest,
                         ::testing::Combine(::testing::ValuesIn(all_kernels()),
                                            ::testing::Values(701), ::testing::Values(1030),
                                            ::testing::Values(33)),
                         name_of);

// Rounding is what the operands say: integers of 8 bits come through unharmed.
// Rows further apart than they are long, with a norm and without; what lies between stays.
TEST_P(PackedMatmulTest, RowsMayLieApart) {
  const auto [kernels, rows, in, out] = GetParam();
  const Layer layer{.rows = rows, .in = in, .out = out};
  const PackedMatmul matmul(layer.weight.data(), layer.bias.data(), in, out, *kernels);
  const RowStrides strides{.x = in + 5, .y = out + 3};
  std::vector<float> x(static_cast<std::size_t>(rows * strides.x), NAN);
  for (std::int64_t r = 0; r < rows; ++r)
    std::copy_n(layer.x.begin() + r * in, in, x.begin() + r * strides.x);
  for (const LayerNorm* norm : {static_cast<const LayerNorm*>(nullptr), &layer.norm}) {
    std::vector<float> y(static_cast<std::size_t>(rows * out)),
        apart(static_cast<std::size_t>(rows * strides.y), -7);
    matmul.run(layer.x.data(), rows, {.norm = norm}, y.data());
    matmul.run(x.data(), rows, {.norm = norm}, apart.data(), strides);
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto row = apart.begin() + r * strides.y;
      EXPECT_TRUE(std::equal(row, row + out, y.begin() + r * out));
      EXPECT_TRUE(std::all_of(row + out, row + strides.y, [](float v) { return v == -7; }));
    }
  }
}

// Weights that f16 holds are kept as such, unless one of them is not, without a change of a bit.
TEST_P(PackedMatmulTest, WeightsOfHalvesGiveTheSameNumbers) {
  const auto [kernels, rows, in, out] = GetParam();
  Layer layer{.rows = rows, .in = in, .out = out};
  for (float& weight : layer.weight) weight = std::round(weight * 256) / 256;
  MatmulKernels plain = *kernels;
  plain.multiply_halves = nullptr;
  const auto numbers = static_cast<std::size_t>(rows * out);
  const MatmulSteps steps{.norm = &layer.norm, .activation = Activation::kGelu};
  for (const float last : {0.5F, 0.1F}) {
    layer.weight.back() = last;
    const PackedMatmul whole(layer.weight.data(), layer.bias.data(), in, out, plain);
    const PackedMatmul halves(layer.weight.data(), layer.bias.data(), in, out, *kernels);
    EXPECT_EQ(halves.keeps_halves(), kernels->multiply_halves != nullptr && last == 0.5F);
    std::vector<float> expected(numbers), got(numbers);
    whole.run(layer.x.data(), rows, steps, expected.data());
    halves.run(layer.x.data(), rows, steps, got.data());
    EXPECT_EQ(got, expected);
  }
}

// All halves, in rows of every length: what is narrowed, and whether that loses something.
TEST(MatmulKernelsTest, FindsEveryHalfAndNoOther) {
  for (const MatmulKernels* kernels : matmul_kernels(Operands::kF32)) {
    if (kernels->to_halves == nullptr) continue;
    SCOPED_TRACE(kernels->name);
    std::vector<float> values;
    std::vector<std::uint16_t> halves, got;
    for (std::uint32_t half = 0; half < 65536; ++half) {
      const float value = half_to_float(static_cast<std::uint16_t>(half));
      if (std::isnan(value)) continue;
      values.push_back(value);
      halves.push_back(static_cast<std::uint16_t>(half));
    }
    got.resize(values.size());
    EXPECT_TRUE(kernels->to_halves(values.data(), std::ssize(values), got.data()));
    EXPECT_EQ(got, halves);
    for (std::size_t count = 1; count < 40; ++count) {
      std::vector<float> row(count, 0.5F);
      std::vector<std::uint16_t> narrowed(count + 1, 7);
      EXPECT_TRUE(kernels->to_halves(row.data(), std::ssize(row), narrowed.data()));
      EXPECT_EQ(narrowed.back(), 7);  // nothing is written behind
      for (const float other : {65520.0F, 0x1p-25F, 0x1.8p-24F, 0.1F, 1e30F, 1e-40F}) {
        row.back() = other;
        EXPECT_FALSE(kernels->to_halves(row.data(), std::ssize(row), narrowed.data())) << other;
      }
    }
  }
}

// Where each product is one thread's.
TEST(PackedMatmulTest, WeightsOfHalvesGiveTheSameNumbersInAParallelRegion) {
  constexpr std::int64_t kHeads = 3, kRows = 47, kIn = 31, kOut = 40;
  std::vector<float> weights = draw(kHeads * kOut * kIn, 1);
  for (float& weight : weights) weight = std::round(weight * 256) / 256;
  const std::vector<float> x = draw(kHeads * kRows * kIn, 2);
  std::vector<float> expected(static_cast<std::size_t>(kHeads * kRows * kOut)), got = expected;
  for (std::int64_t h = 0; h < kHeads; ++h) {
    const PackedMatmul one(weights.data() + h * kOut * kIn, nullptr, kIn, kOut);
    one.run(x.data() + h * kRows * kIn, kRows, {}, expected.data() + h * kRows * kOut);
  }
  HeadProducts(weights.data(), nullptr, kHeads, kIn, kOut, Operands::kF32)
      .run(x.data(), kRows, got.data());
  EXPECT_EQ(got, expected);
}

TEST(PackedMatmulTest, SmallIntegersAreExactWithAnyOperands) {
  constexpr std::int64_t kIn = 37, kOut = 35, kRows = 16;
  std::vector<float> x, weight;
  for (int i = 0; i < kRows * kIn; ++i) x.push_back(static_cast<float>(i * 7 % 255 - 127));
  for (int i = 0; i < kOut * kIn; ++i) weight.push_back(static_cast<float>(i * 5 % 255 - 127));
  for (std::int64_t r = 0; r < kRows; ++r) x[static_cast<std::size_t>(r * kIn)] = 127;
  for (std::int64_t o = 0; o < kOut; ++o) weight[static_cast<std::size_t>(o * kIn)] = -127;
  for (const MatmulKernels* kernels : all_kernels()) {
    const PackedMatmul matmul(weight.data(), nullptr, kIn, kOut, *kernels);
    std::vector<float> y(static_cast<std::size_t>(kRows * kOut));
    matmul.run(x.data(), kRows, {}, y.data());
    for (std::int64_t r = 0; r < kRows; ++r) {
      for (std::int64_t o = 0; o < kOut; ++o) {
        float sum = 0;
        for (std::int64_t i = 0; i < kIn; ++i) {
          sum += x[static_cast<std::size_t>(r * kIn + i)] *
                 weight[static_cast<std::size_t>(o * kIn + i)];
        }
        ASSERT_EQ(y[static_cast<std::size_t>(r * kOut + o)], sum) << kernels->name;
      }
    }
  }
}

TEST(PackedMatmulTest, ARowThatIsNotFiniteStaysSoAndAlone) {
  for (const MatmulKernels* kernels : all_kernels()) {
    Layer layer{.rows = 3, .in = 33, .out = 5};
    layer.x[40] = std::numeric_limits<float>::infinity();
    const PackedMatmul matmul(layer.weight.data(), nullptr, 33, 5, *kernels);
    std::vector<float> y(15);
    matmul.run(layer.x.data(), 3, {}, y.data());
    for (std::size_t i = 0; i < 15; ++i) {
      EXPECT_EQ(std::isfinite(y[i]), i < 5 || i >= 10) << kernels->name << " " << i;
    }
  }
}

TEST(PackedMatmulTest, NoRowsAreNothing) {
  const Layer layer{.rows = 1, .in = 4, .out = 3};
  const PackedMatmul matmul(layer.weight.data(), nullptr, 4, 3);
  float y = 7;
  matmul.run(nullptr, 0, {}, &y);
  EXPECT_EQ(y, 7);
}

// From two threads, and equal calls equal to the bit.
TEST(PackedMatmulTest, ThreadsShareItAtAnyRowCount) {
  constexpr std::int64_t kMost = 90;
  const Layer layer{.rows = kMost, .in = 140, .out = 70};
  for (const MatmulKernels* kernels : all_kernels()) {
    const PackedMatmul matmul(layer.weight.data(), layer.bias.data(), 140, 70, *kernels);
    const auto all = [&] {
      std::vector<std::vector<float>> results;
      for (std::int64_t rows = 1; rows <= kMost; ++rows) {
        results.emplace_back(static_cast<std::size_t>(rows * 70));
        matmul.run(layer.x.data(), rows, {.norm = &layer.norm}, results.back().data());
      }
      return results;
    };
    std::vector<std::vector<float>> first, second;
    std::thread one([&] { first = all(); }), two([&] { second = all(); });
    one.join();
    two.join();
    EXPECT_EQ(first, second) << kernels->name;
    EXPECT_EQ(first, all()) << kernels->name;
  }
}

}  // namespace
}  // namespace glint
