// Every storage, implementation, number of threads and way of batching gives the hits of a plain
// search, bit for bit, on rows that are made to mislead a scan.
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "similarity/index_encoder.h"
#include "similarity/index_support.h"
#include "similarity/search.h"

namespace glint {
namespace {

using test::kStorages;
using test::plain_search;
using test::random_rows;

// An index as search_index sees it, so that the implementation can be chosen.
struct Encoded {
  std::vector<std::byte> bytes;
  IndexView view;

  Encoded(std::span<const float> rows, std::size_t d, IndexStorage storage) {
    const IndexLayout layout(storage, static_cast<std::int64_t>(rows.size() / d),
                             static_cast<std::int64_t>(d));
    bytes.resize(layout.file_bytes);
    IndexEncoder encoder(layout, [&](std::uint64_t at, std::span<const std::byte> some) {
      std::ranges::copy(some, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    });
    encoder.add(rows);
    encoder.finish();
    const auto section = [&](IndexLayout::Section i) {
      return bytes.data() + layout.sections[i].at;
    };
    const auto floats = [&](IndexLayout::Section i) {
      return reinterpret_cast<const float*>(section(i));
    };
    view = {storage,
            rows.size() / d,
            d,
            floats(IndexLayout::kRows),
            section(IndexLayout::kCompact),
            floats(IndexLayout::kScales),
            floats(IndexLayout::kResiduals),
            floats(IndexLayout::kNorms)};
  }
};

void expect_exact(std::span<const float> rows, std::size_t d, std::span<const float> queries,
                  std::int64_t k, const std::string& what) {
  std::vector<Hit> expected;
  for (std::size_t j = 0; j * d < queries.size(); ++j) {
    const auto hits = plain_search(rows, queries.subspan(j * d, d), k);
    expected.insert(expected.end(), hits.begin(), hits.end());
  }
  for (const IndexStorage storage : kStorages) {
    const Encoded index(rows, d, storage);
    for (const Implementation* implementation : implementations()) {
      for (const int threads : {1, 3}) {
        SearchOptions options;
        options.threads = threads;
        const SearchResult result = search_index(index.view, queries, static_cast<std::size_t>(k),
                                                 options, *implementation);
        ASSERT_EQ(result.hits.size(), expected.size()) << what;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_EQ(result.hits[i].index, expected[i].index)
              << what << ", " << to_string(storage) << ", " << implementation->name << ", hit " << i
              << ", d " << d;
          ASSERT_EQ(result.hits[i].score, expected[i].score) << what;
        }
      }
    }
  }
}

TEST(IndexExactnessTest, RandomRowsOfManyLengths) {
  for (const std::size_t d : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 512}) {
    for (const std::size_t n : {1, 5, 16, 17, 300}) {
      for (const std::int64_t k : {1, 3, 10, 1000}) {
        expect_exact(random_rows(n, d, 5), d, random_rows(3, d, 6), k, "random");
      }
    }
  }
}

// More than one block of rows a thread, and more queries than share a pass.
TEST(IndexExactnessTest, ManyRowsAndManyQueries) {
  const auto rows = random_rows(9001, 24, 7);
  expect_exact(rows, 24, random_rows(2, 24, 8), 10, "many rows");
  expect_exact(std::span(rows).first(2000 * 24), 24, random_rows(70, 24, 9), 4, "many queries");
}

// One direction and noise far below what int8 or bf16 can tell apart.
TEST(IndexExactnessTest, NearTies) {
  for (const float noise : {1e-3F, 1e-5F, 1e-7F}) {
    auto rows = random_rows(2500, 48, 10, noise);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] += 0.1F;
    expect_exact(rows, 48, random_rows(3, 48, 11), 10, "near ties");
    expect_exact(rows, 48, std::vector<float>(48, 0.1F), 10, "near ties, along the rows");
  }
}

TEST(IndexExactnessTest, DuplicatesComeInOrderOfTheirIndex) {
  const auto some = random_rows(7, 20, 12);
  std::vector<float> rows;
  for (std::size_t i = 0; i < 2100; ++i) {
    const auto row = std::span(some).subspan(i % 7 * 20, 20);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  expect_exact(rows, 20, random_rows(4, 20, 13), 350, "duplicates");
}

TEST(IndexExactnessTest, AllRowsEqual) {
  expect_exact(std::vector<float>(3000 * 4, 0.5F), 4, random_rows(2, 4, 14), 10, "equal rows");
  expect_exact(std::vector<float>(3000 * 4), 4, random_rows(2, 4, 15), 10, "zero rows");
  expect_exact(random_rows(3000, 4, 16), 4, std::vector<float>(4), 10, "zero query");
}

// Scores that differ in f64 only are equal in f32, and then the index decides.
TEST(IndexExactnessTest, ScoresThatRoundToTheSameF32AreTies) {
  std::vector<float> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(1);
    rows.push_back(std::ldexp(static_cast<float>(i % 3), -30));
  }
  expect_exact(rows, 2, std::vector<float>{1, 1}, 10, "ties by rounding");
}

// One large number in a row leaves int8 no room for the others.
TEST(IndexExactnessTest, RowsWithOutliers) {
  auto rows = random_rows(3000, 40, 17, 0.01F);
  for (std::size_t i = 0; i < 3000; ++i) rows[i * 40 + 3] = 10.0F;
  auto queries = random_rows(3, 40, 18);
  for (std::size_t j = 0; j < 3; ++j) queries[j * 40 + 3] = j == 0 ? 0.0F : 20.0F;
  expect_exact(rows, 40, queries, 10, "outliers");
}

TEST(IndexExactnessTest, MagnitudesFromSubnormalToTheLargest) {
  auto rows = random_rows(400, 6, 19);
  for (std::size_t i = 0; i < 400; ++i) {
    const int exponent = static_cast<int>(i % 9) * 31 - 140;  // 2^-140 ... 2^108
    for (std::size_t k = 0; k < 6; ++k) rows[i * 6 + k] = std::ldexp(rows[i * 6 + k], exponent);
  }
  for (const int exponent : {-140, -60, 0, 60, 110}) {
    auto queries = random_rows(4, 6, 20);
    for (float& v : queries) v = std::ldexp(v, exponent);
    expect_exact(rows, 6, queries, 12, "magnitudes");
  }
}

TEST(IndexExactnessTest, ScoresBeyondF32AreInfinitiesAndTies) {
  std::vector<float> rows(50 * 3, 3e38F);
  for (std::size_t i = 0; i < 25; ++i) rows[i * 6] = -3e38F;
  expect_exact(rows, 3, std::vector<float>{3e38F, 3e38F, 3e38F}, 10, "overflow");
  expect_exact(rows, 3, std::vector<float>{-3e38F, 3e38F, 2e38F}, 50, "overflow");
}

TEST(IndexExactnessTest, TheHostsRoundingModeDoesNotMatterAndIsKept) {
  const auto rows = random_rows(500, 33, 21);
  const auto query = random_rows(1, 33, 22);
  const Index index = Index::build(rows, 33, IndexStorage::kInt8);
  const auto expected = index.search(query, 10).hits;
  std::fesetround(FE_UPWARD);
  const auto hits = index.search(query, 10, {.threads = 2}).hits;
  const int mode = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(mode, FE_UPWARD);
  EXPECT_EQ(hits, expected);
}

TEST(IndexExactnessTest, ABatchOfQueriesEqualsSingleOnes) {
  const auto rows = random_rows(1500, 50, 23);
  const auto queries = random_rows(130, 50, 24);
  for (const IndexStorage storage : kStorages) {
    const Index index = Index::build(rows, 50, storage);
    const SearchResult all = index.search(queries, 7);
    for (std::int64_t j = 0; j < 130; ++j) {
      const auto query = std::span(queries).subspan(static_cast<std::size_t>(j) * 50, 50);
      const auto row = all.row(j);
      EXPECT_EQ(index.search(query, 7, {.threads = 1}).hits,
                std::vector<Hit>(row.begin(), row.end()));
    }
  }
}

}  // namespace
}  // namespace glint
