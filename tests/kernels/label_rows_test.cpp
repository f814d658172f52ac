// Every version of the label rows' loops against the definitions, at lengths around the vectors'.
#include "kernels/label_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace glint {
namespace {

constexpr std::int64_t kLongest = 67;

class LabelRows : public testing::TestWithParam<const LabelRowKernels*> {
 protected:
  const LabelRowKernels& kernels() const { return *GetParam(); }
  // Numbers of about 1 from an address that is aligned to none but that of a float.
  static std::vector<float> numbers(std::int64_t count, int seed) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(static_cast<float>(std::sin(1.7 * static_cast<double>(i + 31 * seed))));
    }
    return values;
  }
};

// Sums of three products of at most 1, in any order and fused or not.
constexpr double kBound = 4e-7;

TEST_P(LabelRows, StretchARow) {
  const auto in = numbers(kLongest + 2, 1);
  std::vector<std::int32_t> first;
  for (std::int64_t i = 0; i < kLongest; ++i) {
    first.push_back(static_cast<std::int32_t>(i * 5 % (kLongest - 1)));
  }
  const auto w0 = numbers(kLongest, 2), w1 = numbers(kLongest, 3), w2 = numbers(kLongest, 4);
  for (std::int64_t count = 0; count <= kLongest; ++count) {
    std::vector<float> out(kLongest + 1, 9);
    kernels().stretch(in.data() + 1, {first.data(), {w0.data(), w1.data(), w2.data()}}, count,
                      out.data() + 1);
    for (std::int64_t i = 0; i < kLongest; ++i) {
      const auto n = static_cast<std::size_t>(i);
      const auto at = static_cast<std::size_t>(first[n] + 1);
      const double sum = static_cast<double>(in[at]) * w0[n] +
                         static_cast<double>(in[at + 1]) * w1[n] +
                         static_cast<double>(in[at + 2]) * w2[n];
      ASSERT_NEAR(out[n + 1], i < count ? sum : 9, kBound) << count << ", " << i;
    }
  }
}

TEST_P(LabelRows, KeepTheBestAndAdd) {
  const std::array<std::vector<float>, 3> rows{numbers(kLongest + 1, 5), numbers(kLongest + 1, 6),
                                               numbers(kLongest + 1, 7)};
  const ThreeRows in{{rows[0].data() + 1, rows[1].data() + 1, rows[2].data() + 1},
                     {0.25F, 0.7F, -0.4F}};
  const auto before = numbers(kLongest + 1, 8);
  for (std::int64_t count = 0; count <= kLongest; ++count) {
    auto best = before, sum = before;
    std::vector<std::int32_t> label(kLongest + 1, -7);
    kernels().keep_best(in, count, 42, best.data() + 1, label.data() + 1);
    kernels().add(in, count, sum.data() + 1);
    for (std::size_t i = 0; i <= kLongest; ++i) {
      const bool counts = i > 0 && static_cast<std::int64_t>(i) <= count;
      const double blend = 0.25F * static_cast<double>(rows[0][i]) +
                           0.7F * static_cast<double>(rows[1][i]) -
                           0.4F * static_cast<double>(rows[2][i]);
      ASSERT_NEAR(sum[i], counts ? before[i] + blend : before[i], kBound);
      ASSERT_NEAR(best[i], counts ? std::max<double>(before[i], blend) : before[i], kBound);
      ASSERT_EQ(label[i], counts && blend > before[i] ? 42 : -7) << count << ", " << i;
    }
  }
}

TEST_P(LabelRows, NeverTakeNanAndKeepTheFirstOfEqualOnes) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> row(kLongest);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = std::array{nan, 1.0F, infinity}[i % 3];
  std::vector<float> best(kLongest, -infinity);
  std::vector<std::int32_t> label(kLongest, -7);
  for (const std::int32_t of : {3, 4}) {
    kernels().keep_best({{row.data(), row.data(), row.data()}, {0.5F, 0.25F, 0.25F}}, kLongest, of,
                        best.data(), label.data());
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    EXPECT_EQ(label[i], i % 3 == 0 ? -7 : 3);
    EXPECT_EQ(best[i], i % 3 == 0 ? -infinity : row[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, LabelRows, testing::ValuesIn(label_row_kernels()),
                         [](const auto& one) { return std::string(one.param->name); });

}  // namespace
}  // namespace glint
