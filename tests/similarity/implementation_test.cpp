// Every implementation that this CPU can run against plain f64 sums and against each other, at
// lengths around the vector widths and at addresses that no vector load likes.
#include "similarity/implementation.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace glint {
namespace {

constexpr std::size_t kLengths[] = {1,  2,  3,  7,  8,  9,  15, 16,  17,  23,  24, 31,
                                    32, 33, 47, 48, 63, 64, 65, 100, 127, 512, 769};

std::vector<float> random_values(std::mt19937& random, std::size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

std::vector<std::uint16_t> upper_halves(const std::vector<float>& values) {
  std::vector<std::uint16_t> halves;
  for (const float v : values) {
    halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16));
  }
  return halves;
}

float from_half(std::uint16_t v) { return std::bit_cast<float>(std::uint32_t{v} << 16); }

// Rows, queries and results start at odd places, and what lies around the results stays.
struct Block {
  std::size_t n;
  std::size_t q;
  std::size_t d;
};

std::vector<Block> blocks() {
  std::vector<Block> all;
  for (const std::size_t d : kLengths) {
    for (const std::size_t n : {1, 3, 4, 5, 9}) {
      for (const std::size_t q : {1, 2, 4, 7}) all.push_back({n, q, d});
    }
  }
  return all;
}

TEST(ImplementationTest, ScalarIsTheFirstAndAllHaveNames) {
  EXPECT_STREQ(implementations().front()->name, "scalar");
  for (const Implementation* implementation : implementations()) {
    EXPECT_STRNE(implementation->name, "");
  }
  EXPECT_EQ(&best_implementation(), implementations().back());
}

// |error| <= r * 2^-24 * sum |a b| with the r roundings that the header promises.
TEST(ImplementationTest, FloatSumsStayWithinThePromisedRoundings) {
  std::mt19937 random(1);
  for (const Implementation* implementation : implementations()) {
    for (const auto [n, q, d] : blocks()) {
      const auto rows = random_values(random, n * d + 1);
      const auto halves = upper_halves(rows);
      const auto queries = random_values(random, q * d + 1);
      std::vector<float> out(n * q + 2, -7);
      std::vector<float> out_half(n * q + 2, -7);
      implementation->dot_f32(rows.data() + 1, n, queries.data() + 1, q, d, out.data() + 1);
      implementation->dot_bf16(halves.data() + 1, n, queries.data() + 1, q, d, out_half.data() + 1);
      EXPECT_EQ((std::vector<float>{out.front(), out.back(), out_half.front(), out_half.back()}),
                std::vector<float>(4, -7));
      const double unit = std::ldexp(static_cast<double>(d / 16 + kF32ExtraRoundings), -24) * 1.001;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < q; ++j) {
          double sum = 0, size = 0, sum_half = 0, size_half = 0;
          for (std::size_t k = 0; k < d; ++k) {
            const double query = queries[1 + j * d + k];
            sum += rows[1 + i * d + k] * query;
            size += std::abs(rows[1 + i * d + k] * query);
            sum_half += from_half(halves[1 + i * d + k]) * query;
            size_half += std::abs(from_half(halves[1 + i * d + k]) * query);
          }
          ASSERT_LE(std::abs(out[1 + j * n + i] - sum), unit * size) << implementation->name << d;
          ASSERT_LE(std::abs(out_half[1 + j * n + i] - sum_half), unit * size_half)
              << implementation->name << d;
        }
      }
    }
  }
}

TEST(ImplementationTest, ADotProductDoesNotDependOnItsNeighbours) {
  std::mt19937 random(2);
  for (const Implementation* implementation : implementations()) {
    for (const auto [n, q, d] : blocks()) {
      const auto rows = random_values(random, n * d);
      const auto queries = random_values(random, q * d);
      std::vector<float> all(n * q);
      implementation->dot_f32(rows.data(), n, queries.data(), q, d, all.data());
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < q; ++j) {
          float alone = 0;
          implementation->dot_f32(rows.data() + i * d, 1, queries.data() + j * d, 1, d, &alone);
          ASSERT_EQ(alone, all[j * n + i]) << implementation->name << " d " << d;
        }
      }
    }
  }
}

TEST(ImplementationTest, IntegerSumsAreExactUpToTheirLimit) {
  std::mt19937 random(3);
  for (const Implementation* implementation : implementations()) {
    for (const auto [n, q, d] : blocks()) {
      const int limit = static_cast<int>(std::min<std::size_t>(32767, 2147483647 / (127 * d)));
      std::vector<std::int8_t> rows(n * d + 1);
      std::vector<std::int16_t> queries(q * d + 1);
      // Row 0 with query 0 makes the largest sum there can be.
      for (std::size_t k = 0; k < rows.size(); ++k) {
        rows[k] = static_cast<std::int8_t>(k <= d ? -127 : static_cast<int>(random() % 255) - 127);
      }
      for (std::size_t k = 0; k < queries.size(); ++k) {
        queries[k] = static_cast<std::int16_t>(
            k <= d ? limit : static_cast<int>(random() % (2 * limit + 1)) - limit);
      }
      std::vector<std::int32_t> out(n * q + 2, -7);
      implementation->dot_int8(rows.data() + 1, n, queries.data() + 1, q, d, out.data() + 1);
      EXPECT_EQ(out.front(), -7);
      EXPECT_EQ(out.back(), -7);
      EXPECT_EQ(out[1], -127 * limit * static_cast<int>(d));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < q; ++j) {
          std::int64_t sum = 0;
          for (std::size_t k = 0; k < d; ++k) {
            sum += std::int64_t{rows[1 + i * d + k]} * queries[1 + j * d + k];
          }
          ASSERT_EQ(out[1 + j * n + i], sum) << implementation->name << " d " << d;
        }
      }
    }
  }
}

// Also where f32 products would overflow or vanish.
TEST(ImplementationTest, ExactSumsAreTheSameBitsEverywhere) {
  std::mt19937 random(4);
  for (const std::size_t d : kLengths) {
    for (const float scale : {1.0F, 1e30F, 1e-42F}) {
      auto a = random_values(random, d + 1);
      const auto b = random_values(random, d + 1);
      for (float& v : a) v *= scale;
      const double expected = implementations().front()->dot_exact(a.data() + 1, b.data() + 1, d);
      double plain = 0, size = 0;
      for (std::size_t k = 0; k < d; ++k) {
        plain += static_cast<double>(a[1 + k]) * b[1 + k];
        size += std::abs(static_cast<double>(a[1 + k]) * b[1 + k]);
      }
      EXPECT_LE(std::abs(expected - plain), std::ldexp(static_cast<double>(2 * d), -53) * size);
      for (const Implementation* implementation : implementations()) {
        EXPECT_EQ(implementation->dot_exact(a.data() + 1, b.data() + 1, d), expected)
            << implementation->name << " d " << d;
      }
    }
  }
}

TEST(ImplementationTest, NanAndInfinityPassThrough) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const Implementation* implementation : implementations()) {
    for (const std::size_t d : kLengths) {
      for (const std::size_t place : {std::size_t{0}, d - 1}) {
        const std::vector<float> ones(d, 1);
        std::vector<float> row(d, 1);
        float out = 0;
        row[place] = kInf;
        implementation->dot_f32(row.data(), 1, ones.data(), 1, d, &out);
        EXPECT_EQ(out, kInf) << implementation->name;
        row[place] = kNan;
        implementation->dot_f32(row.data(), 1, ones.data(), 1, d, &out);
        EXPECT_TRUE(std::isnan(out)) << implementation->name;
        EXPECT_TRUE(std::isnan(implementation->dot_exact(row.data(), ones.data(), d)));
      }
    }
  }
}

TEST(ImplementationTest, NoRowsOrNoQueriesWriteNothing) {
  const std::vector<float> values(8, 1);
  for (const Implementation* implementation : implementations()) {
    float out = -7;
    implementation->dot_f32(values.data(), 0, values.data(), 1, 8, &out);
    implementation->dot_f32(values.data(), 1, values.data(), 0, 8, &out);
    EXPECT_EQ(out, -7);
  }
}

}  // namespace
}  // namespace glint
