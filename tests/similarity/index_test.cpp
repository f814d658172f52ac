// Index: sizes, options, limits and errors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "similarity/index_support.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;
using test::kStorages;
using test::plain_search;
using test::random_rows;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(IndexTest, FindsTheNearestRowsOfAWorkedExample) {
  const std::vector<float> rows{1, 0, 0, 1, 0.6F, 0.8F, -1, 0};
  const std::vector<float> queries{1, 0, 0, 2};
  for (const IndexStorage storage : kStorages) {
    const Index index = Index::build(rows, 2, storage);
    EXPECT_EQ(index.size(), 4);
    EXPECT_EQ(index.dim(), 2);
    EXPECT_EQ(index.storage(), storage);
    EXPECT_EQ(index.row(2)[1], 0.8F);
    const SearchResult result = index.search(queries, 2);
    EXPECT_EQ(result.queries, 2);
    EXPECT_EQ(result.per_query, 2);
    EXPECT_EQ(result.hits, (std::vector<Hit>{{0, 1}, {2, 0.6F}, {1, 2}, {2, 1.6F}}));
    EXPECT_EQ(result.row(1)[0], (Hit{1, 2}));
  }
}

TEST(IndexTest, KMayBeNoneOrMoreThanThereAre) {
  const auto rows = random_rows(5, 3, 1);
  const auto query = random_rows(1, 3, 2);
  for (const IndexStorage storage : kStorages) {
    const Index index = Index::build(rows, 3, storage);
    EXPECT_EQ(index.search(query, 0).per_query, 0);
    EXPECT_EQ(index.search(query, 100).hits, plain_search(rows, query, 5));
    EXPECT_EQ(index.search(query, std::numeric_limits<std::int64_t>::max()).per_query, 5);
    EXPECT_EQ(index.search({}, 4).queries, 0);
    EXPECT_EQ(index.search({}, 4).per_query, 4);
  }
}

TEST(IndexTest, AnEmptyIndexAnswersWithNothing) {
  for (const IndexStorage storage : kStorages) {
    const Index index = Index::build({}, 3, storage);
    EXPECT_EQ(index.size(), 0);
    const SearchResult result = index.search(random_rows(2, 3, 1), 10);
    EXPECT_EQ(result.queries, 2);
    EXPECT_TRUE(result.hits.empty());
    EXPECT_TRUE(result.row(1).empty());
  }
}

TEST(IndexTest, RefusesRowsThatAreNoNumbersByTheirPlace) {
  for (const IndexStorage storage : kStorages) {
    for (const float bad : {kNan, kInf, -kInf}) {
      auto rows = random_rows(3000, 4, 3);
      rows[2345 * 4 + 1] = bad;
      expect_error(ErrorCode::kInvalidArgument, "row 2345, column 1",
                   [&] { Index::build(rows, 4, storage); });
    }
  }
}

TEST(IndexTest, RefusesWrongSizes) {
  const auto rows = random_rows(4, 3, 4);
  const auto invalid = ErrorCode::kInvalidArgument;
  expect_error(invalid, "rows of 5 numbers", [&] { Index::build(rows, 5); });
  expect_error(invalid, "rows of 0 numbers", [&] { Index::build(rows, 0); });
  expect_error(invalid, "rows of -1 numbers", [&] { Index::build(rows, -1); });
  const std::vector<float> wide(65537);
  expect_error(invalid, "1 to 65536 numbers", [&] { Index::build(wide, 65537); });
  expect_error(invalid, "f32, bf16 or int8",
               [&] { Index::build(rows, 3, static_cast<IndexStorage>(3)); });
  const Index index = Index::build(rows, 3);
  expect_error(invalid, "queries of 3 numbers, got 4",
               [&] { index.search(random_rows(1, 4, 5), 1); });
  expect_error(invalid, "k of at least 0", [&] { index.search(rows, -1); });
  expect_error(invalid, "0 to 1024 threads", [&] { index.search(rows, 1, {.threads = -1}); });
  expect_error(invalid, "0 to 1024 threads", [&] { index.search(rows, 1, {.threads = 1025}); });
  expect_error(invalid, "row from 0 to 3, got 4", [&] { index.row(4); });
  expect_error(invalid, "got -1", [&] { index.row(-1); });
  auto queries = rows;
  queries[7] = kNan;
  expect_error(invalid, "nan in query 2", [&] { index.search(queries, 1); });
}

#if !defined(__SANITIZE_ADDRESS__)  // which ends the program where memory does
TEST(IndexTest, MoreHitsThanMemoryIsAnError) {
  const Index index = Index::build(random_rows(1 << 16, 1, 6), 1);
  const std::vector<float> queries(std::size_t{1} << 26, 1.0F);  // 2^26 * 2^16 hits of 16 bytes
  expect_error(ErrorCode::kOutOfMemory, "Index::search", [&] { index.search(queries, 1 << 16); });
}
#endif

TEST(IndexTest, ASetStopTokenCancels) {
  std::stop_source source;
  source.request_stop();
  const Index index = Index::build(random_rows(100, 8, 7), 8);
  SearchOptions options;
  options.stop = source.get_token();
  expect_error(ErrorCode::kCancelled, "cancelled",
               [&] { index.search(random_rows(1, 8, 8), 1, options); });
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { index.check(source.get_token()); });
}

TEST(IndexTest, AStopInTheMiddleEndsALongSearch) {
  const Index index = Index::build(random_rows(20000, 64, 9), 64);
  const auto queries = random_rows(64 * 400, 64, 10);  // seconds of work
  std::stop_source source;
  SearchOptions options;
  options.threads = 2;
  options.stop = source.get_token();
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    source.request_stop();
  });
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { index.search(queries, 10, options); });
}

TEST(IndexTest, ManyThreadsMaySearchAtOnce) {
  const auto rows = random_rows(4000, 32, 11);
  const auto query = random_rows(1, 32, 12);
  const Index index = Index::build(rows, 32);
  const auto expected = index.search(query, 10).hits;
  std::vector<std::vector<Hit>> found(8);
  {
    std::vector<std::jthread> threads;
    for (auto& hits : found) {
      threads.emplace_back([&, copy = index] {
        for (int i = 0; i < 20; ++i) hits = copy.search(query, 10, {.threads = 2}).hits;
      });
    }
  }
  for (const auto& hits : found) EXPECT_EQ(hits, expected);
}

TEST(IndexTest, EveryStorageHasAName) {
  EXPECT_EQ(to_string(IndexStorage::kF32), "f32");
  EXPECT_EQ(to_string(IndexStorage::kBf16), "bf16");
  EXPECT_EQ(to_string(IndexStorage::kInt8), "int8");
}

}  // namespace
}  // namespace glint
