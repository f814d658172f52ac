// The bounds hold: no score is above what a scan says it can be at most.
#include "similarity/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "similarity/implementation.h"
#include "similarity/index_support.h"

namespace glint {
namespace {

using test::kStorages;
using test::random_rows;

std::size_t width_of(IndexStorage storage, std::size_t d) {
  return storage == IndexStorage::kF32 ? 0 : storage == IndexStorage::kBf16 ? 2 * d : d;
}

// The estimate as a scan computes it, and its bound.
struct Scanned {
  float estimate;
  float margin;
};

Scanned scan(std::span<const float> row, std::span<const float> query, IndexStorage storage,
             const Implementation& implementation) {
  const std::size_t d = row.size();
  std::vector<std::byte> compact(width_of(storage, d));
  std::vector<std::int16_t> integers(storage == IndexStorage::kInt8 ? d : 0);
  const RowBound bound = quantize_row(row, storage, compact);
  const ScanQuery prepared = quantize_query(query, storage, integers);
  float dot = 0;
  if (storage == IndexStorage::kInt8) {
    std::int32_t sum = 0;
    implementation.dot_int8(reinterpret_cast<const std::int8_t*>(compact.data()), 1,
                            integers.data(), 1, d, &sum);
    dot = static_cast<float>(sum);
  } else if (storage == IndexStorage::kBf16) {
    implementation.dot_bf16(reinterpret_cast<const std::uint16_t*>(compact.data()), 1, query.data(),
                            1, d, &dot);
  } else {
    implementation.dot_f32(row.data(), 1, query.data(), 1, d, &dot);
  }
  return {dot * (bound.scale * prepared.scale),
          prepared.residual_factor * bound.residual + prepared.norm_factor * bound.norm};
}

TEST(QuantizeTest, NoScoreLeavesItsBoundOnEitherSide) {
  for (const std::size_t d : {1, 2, 3, 17, 64, 257, 512}) {
    for (const float scale : {1.0F, 1e-9F, 1e9F}) {
      const auto rows = random_rows(200, d, 1, scale);
      const auto queries = random_rows(200, d, 2, 1 / scale);
      for (const IndexStorage storage : kStorages) {
        for (const Implementation* implementation : implementations()) {
          for (std::size_t i = 0; i < 200; ++i) {
            const auto row = std::span(rows).subspan(i * d, d);
            // Every third query is the row's own direction: the largest scores there are.
            std::vector<float> query(queries.begin() + static_cast<std::ptrdiff_t>(i * d),
                                     queries.begin() + static_cast<std::ptrdiff_t>((i + 1) * d));
            if (i % 3 == 0) {
              for (std::size_t k = 0; k < d; ++k) query[k] = row[k] / scale / scale;
            }
            const float score = static_cast<float>(
                implementations().front()->dot_exact(row.data(), query.data(), d));
            const auto [estimate, margin] = scan(row, query, storage, *implementation);
            ASSERT_LE(score, estimate + margin) << to_string(storage) << " d " << d;
            ASSERT_GE(score, estimate - margin) << to_string(storage) << " d " << d;
          }
        }
      }
    }
  }
}

// The bound is of use: for unit rows, the margin is what rounding to the storage loses.
TEST(QuantizeTest, TheMarginOfUnitRowsIsSmall) {
  auto rows = random_rows(100, 512, 3, 1 / std::sqrt(512.0F));
  const auto query = random_rows(1, 512, 4, 1 / std::sqrt(512.0F));
  for (std::size_t i = 0; i < 100; ++i) {
    const auto row = std::span(rows).subspan(i * 512, 512);
    EXPECT_LT(scan(row, query, IndexStorage::kF32, best_implementation()).margin, 1e-5F);
    EXPECT_LT(scan(row, query, IndexStorage::kBf16, best_implementation()).margin, 2.5e-3F);
    EXPECT_LT(scan(row, query, IndexStorage::kInt8, best_implementation()).margin, 1.5e-2F);
  }
}

TEST(QuantizeTest, ZerosAreExactAndUnusualSizesAreUnknown) {
  const std::vector<float> zeros(5), ones(5, 1), huge(5, 1e38F), tiny(5, 1e-40F);
  for (const IndexStorage storage : kStorages) {
    EXPECT_EQ(scan(zeros, ones, storage, best_implementation()).estimate, 0);
    EXPECT_EQ(scan(zeros, ones, storage, best_implementation()).margin, 0);
    EXPECT_EQ(scan(ones, zeros, storage, best_implementation()).margin, 0);
    for (const auto& unusual : {huge, tiny}) {
      const auto unknown = [&](const Scanned& scanned) {
        return !(scanned.estimate + scanned.margin < std::numeric_limits<float>::infinity());
      };
      EXPECT_TRUE(unknown(scan(unusual, ones, storage, best_implementation())));
      EXPECT_TRUE(unknown(scan(ones, unusual, storage, best_implementation())));
      EXPECT_TRUE(unknown(scan(unusual, unusual, storage, best_implementation())));
      EXPECT_TRUE(unknown(scan(unusual, zeros, storage, best_implementation())));
      EXPECT_TRUE(unknown(scan(zeros, unusual, storage, best_implementation())));
    }
  }
}

// At the largest D the query's integers must be small; 127 * 258 * 65536 < 2^31.
TEST(QuantizeTest, IntegerSumsCannotOverflowAtAnyLength) {
  for (const std::size_t d : {1, 516, 517, 4096, 65536}) {
    const std::vector<float> row(d, 1);
    std::vector<std::byte> compact(d);
    std::vector<std::int16_t> integers(d);
    quantize_row(row, IndexStorage::kInt8, compact);
    quantize_query(row, IndexStorage::kInt8, integers);
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < d; ++k) {
      EXPECT_EQ(std::to_integer<int>(compact[k]), 127);
      sum += 127 * std::int64_t{integers[k]};
    }
    EXPECT_LE(sum, std::numeric_limits<std::int32_t>::max());
    EXPECT_GE(integers[0], 258);
  }
}

}  // namespace
}  // namespace glint
