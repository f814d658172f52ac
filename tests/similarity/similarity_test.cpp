// Worked examples, and dot_matrix against plain f64 sums at lengths around its 16 lanes. Small
// integers are exact in f32 whatever the order of summation, so those comparisons are for equality.
#include <glint/error.h>
#include <glint/similarity.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace glint {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(NormalizeRowsTest, GivesUnitRowsAndKeepsZeroRows) {
  std::vector<float> rows{3, 4, 0, 0, -5, 0};
  normalize_rows(rows, 2);
  EXPECT_EQ(rows, (std::vector<float>{0.6F, 0.8F, 0, 0, -1, 0}));
}

TEST(NormalizeRowsTest, SurvivesSquaresOutsideTheRangeOfF32) {
  std::vector<float> rows{3e30F, 4e30F, 3e-30F, 4e-30F};
  normalize_rows(rows, 2);
  for (const std::size_t i : {0, 2}) {
    EXPECT_FLOAT_EQ(rows[i], 0.6F);
    EXPECT_FLOAT_EQ(rows[i + 1], 0.8F);
  }
}

TEST(NormalizeRowsTest, NanAndInfinityBecomeNan) {
  std::vector<float> rows{kNan, 1, kInf, 1};
  normalize_rows(rows, 2);
  for (const float v : rows) EXPECT_TRUE(std::isnan(v));
}

TEST(NormalizeRowsTest, RefusesPartialRows) {
  std::vector<float> rows(5);
  EXPECT_THROW(normalize_rows(rows, 2), Error);
  EXPECT_THROW(normalize_rows(rows, 0), Error);
}

TEST(DotMatrixTest, EqualsPlainSumsOnSmallIntegers) {
  std::mt19937 random(1);
  for (const std::int64_t d : {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 512, 768}) {
    // One float of offset: no alignment is assumed.
    std::vector<float> a(static_cast<std::size_t>(3 * d) + 1);
    std::vector<float> b(static_cast<std::size_t>(5 * d) + 1);
    for (float& v : a) v = static_cast<float>(static_cast<int>(random() % 21) - 10);
    for (float& v : b) v = static_cast<float>(static_cast<int>(random() % 21) - 10);
    std::vector<float> out(15);
    dot_matrix(std::span(a).subspan(1), std::span(b).subspan(1), d, out);
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 5; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < d; ++k) {
          sum += static_cast<double>(a[static_cast<std::size_t>(1 + i * d + k)]) *
                 b[static_cast<std::size_t>(1 + j * d + k)];
        }
        EXPECT_EQ(out[static_cast<std::size_t>(i * 5 + j)], sum) << "d " << d;
      }
    }
  }
}

TEST(DotMatrixTest, StaysWithinItsStatedError) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  const std::int64_t d = 1000;
  std::vector<float> a(1000), b(1000), out(1);
  for (float& v : a) v = normal(random);
  for (float& v : b) v = normal(random);
  dot_matrix(a, b, d, out);
  double sum = 0, magnitude = 0;
  for (std::size_t k = 0; k < 1000; ++k) {
    sum += static_cast<double>(a[k]) * b[k];
    magnitude += std::abs(static_cast<double>(a[k]) * b[k]);
  }
  EXPECT_LE(std::abs(out[0] - sum), (1000.0 / 16 + 16) * std::ldexp(magnitude, -24));
}

TEST(DotMatrixTest, RefusesSizesThatDoNotAgree) {
  std::vector<float> a(4), b(6), out(5);
  EXPECT_THROW(dot_matrix(a, b, 2, out), Error);
  EXPECT_THROW(dot_matrix(a, b, 4, out), Error);
}

TEST(SoftmaxTest, MatchesWorkedExample) {
  std::vector<float> out(2);
  softmax(std::vector<float>{0, std::log(3.0F)}, out);
  EXPECT_NEAR(out[0], 0.25, 1e-7);
  EXPECT_NEAR(out[1], 0.75, 1e-7);
}

TEST(SoftmaxTest, DoesNotOverflow) {
  std::vector<float> out(3);
  softmax(std::vector<float>{1e4F, -1e4F, 1e4F}, out);
  EXPECT_EQ(out, (std::vector<float>{0.5F, 0, 0.5F}));
}

TEST(SoftmaxTest, NothingGivesNothing) {
  std::vector<float> out;
  softmax({}, out);
  EXPECT_TRUE(out.empty());
}

TEST(TopKTest, OrdersTiesByPositionAndNanLast) {
  const std::vector<float> values{1, kNan, 3, 3, -kInf, kInf, kNan};
  EXPECT_EQ(top_k(values, 7), (std::vector<std::int64_t>{5, 2, 3, 0, 4, 1, 6}));
  EXPECT_EQ(top_k(values, 2), (std::vector<std::int64_t>{5, 2}));
}

TEST(TopKTest, LargerKGivesAllAndNegativeKIsRefused) {
  EXPECT_EQ(top_k(std::vector<float>{2, 1}, 10), (std::vector<std::int64_t>{0, 1}));
  EXPECT_TRUE(top_k({}, 3).empty());
  EXPECT_TRUE(top_k(std::vector<float>{2, 1}, 0).empty());
  EXPECT_THROW(top_k(std::vector<float>{2, 1}, -1), Error);
}

}  // namespace
}  // namespace glint
