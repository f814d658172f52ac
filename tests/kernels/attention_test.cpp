// Every kernel of this machine against sums in f64.
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "kernels.h"

namespace glint {
namespace {

// q, k and v as one layer's output has them: [batch, tokens, 3, heads, width].
struct Packed {
  AttentionShape shape;
  std::int64_t tokens = std::max(shape.queries, shape.keys);
  std::vector<float> numbers = draw(shape.batch * tokens * 3 * shape.heads * shape.width, 1);

  HeadsView view(std::int64_t which) const {
    const std::int64_t all = shape.heads * shape.width;
    return {numbers.data() + which * all, tokens * 3 * all, shape.width, 3 * all};
  }
};

const float* token(const HeadsView& view, std::int64_t b, std::int64_t h, std::int64_t t) {
  return view.data + b * view.batch_stride + h * view.head_stride + t * view.token_stride;
}

// out[b, i, h] in f64.
std::vector<double> expected(const Packed& packed, std::int64_t b, std::int64_t h, std::int64_t i,
                             double scale, bool causal) {
  const AttentionShape& shape = packed.shape;
  std::vector<double> weights, out(static_cast<std::size_t>(shape.width));
  double sum = 0;
  for (std::int64_t j = 0; j < (causal ? i + 1 : shape.keys); ++j) {
    double score = 0;
    for (std::int64_t c = 0; c < shape.width; ++c) {
      score += static_cast<double>(token(packed.view(0), b, h, i)[c]) *
               static_cast<double>(token(packed.view(1), b, h, j)[c]);
    }
    weights.push_back(std::exp(score * scale));
    sum += weights.back();
  }
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const float* v = token(packed.view(2), b, h, static_cast<std::int64_t>(j));
    for (std::size_t c = 0; c < out.size(); ++c)
      out[c] += weights[j] / sum * static_cast<double>(v[c]);
  }
  return out;
}

std::vector<const MatmulKernels*> float_kernels() {
  auto kernels = all_kernels();
  std::erase_if(kernels, [](const auto* one) { return one->operands == Operands::kInt8; });
  return kernels;
}

class AttentionTest
    : public ::testing::TestWithParam<std::tuple<const MatmulKernels*, AttentionShape, bool>> {};

// Values are about 1. In bf16 the scores, of about 1 too, and the weights are 2^-9 off.
TEST_P(AttentionTest, EqualsTheSumsInF64) {
  const auto [kernels, shape, causal] = GetParam();
  const Packed packed{shape};
  std::vector<float> out(
      static_cast<std::size_t>(shape.batch * shape.queries * shape.heads * shape.width), -7);
  const float scale = 1 / std::sqrt(static_cast<float>(shape.width));
  attention(*kernels, shape, packed.view(0), packed.view(1), packed.view(2), scale, causal,
            out.data());
  const std::int64_t row = shape.heads * shape.width, apart = row + 3;
  std::vector<float> spaced(static_cast<std::size_t>(shape.batch * shape.queries * apart));
  attention(*kernels, shape, packed.view(0), packed.view(1), packed.view(2), scale, causal,
            spaced.data(), apart);
  for (std::int64_t i = 0; i < shape.batch * shape.queries; ++i) {
    EXPECT_TRUE(
        std::equal(out.begin() + i * row, out.begin() + (i + 1) * row, spaced.begin() + i * apart));
  }
  double worst = 0;
  for (std::int64_t b = 0; b < shape.batch; ++b) {
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      for (std::int64_t i = 0; i < shape.queries; ++i) {
        const auto wanted = expected(packed, b, h, i, scale, causal);
        const float* got = out.data() + ((b * shape.queries + i) * shape.heads + h) * shape.width;
        for (std::size_t c = 0; c < wanted.size(); ++c)
          worst = std::max(worst, std::abs(static_cast<double>(got[c]) - wanted[c]));
      }
    }
  }
  EXPECT_LE(worst, kernels->operands == Operands::kBf16 ? 3e-2 : 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         ::testing::Combine(::testing::ValuesIn(float_kernels()),
                                            ::testing::Values(AttentionShape{1, 1, 1, 1, 1},
                                                              AttentionShape{2, 3, 50, 50, 64},
                                                              AttentionShape{1, 2, 33, 33, 24}),
                                            ::testing::Bool()));
INSTANTIATE_TEST_SUITE_P(OtherKeys, AttentionTest,
                         ::testing::Combine(::testing::ValuesIn(float_kernels()),
                                            ::testing::Values(AttentionShape{3, 2, 5, 77, 80},
                                                              AttentionShape{1, 1, 20, 3, 33},
                                                              AttentionShape{1, 3, 40, 70, 33}),
                                            ::testing::Values(false)));

// A score far above the others takes all; far below, it counts for nothing, and nothing overflows.
TEST(AttentionTest, LargeScoresDoNotOverflow) {
  const std::vector<float> q{1000}, k{1, -1, 0.5}, v{3, 5, 7};
  for (const MatmulKernels* kernels : float_kernels()) {
    float out = 0;
    attention(*kernels, {1, 1, 1, 3, 1}, {q.data(), 1, 1, 1}, {k.data(), 3, 3, 1},
              {v.data(), 3, 3, 1}, 1, false, &out);
    EXPECT_EQ(out, 3) << kernels->name;
  }
}

}  // namespace
}  // namespace glint
