#include "text/gunzip.h"

#include <gtest/gtest.h>

#include "text_support.h"

namespace glint {
namespace {

using test::as_bytes;
using test::expect_error;
using test::gzip;

std::string unpack(std::string_view file, std::int64_t max_bytes = 1 << 20) {
  return gunzip(as_bytes(file), max_bytes, "the file");
}

TEST(GunzipTest, ContentComesBack) {
  EXPECT_EQ(unpack(gzip("hello")), "hello");
  EXPECT_EQ(unpack(gzip("")), "");
  const std::string large(900000, 'x');
  EXPECT_EQ(unpack(gzip(large)), large);
}

TEST(GunzipTest, ContentMayBeAsLargeAsTheBoundButNotLarger) {
  EXPECT_EQ(unpack(gzip("12345"), 5), "12345");
  expect_error(ErrorCode::kCorruptPackage, "at most 4", [] { unpack(gzip("12345"), 4); });
}

TEST(GunzipTest, ABombIsRefused) {
  const std::string bomb = gzip(std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 1u << 20);
  expect_error(ErrorCode::kCorruptPackage, "at most", [&] { unpack(bomb); });
}

TEST(GunzipTest, EveryTruncationIsRefused) {
  const std::string whole = gzip("a few words, and a few words more");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    expect_error(ErrorCode::kCorruptPackage, "the file", [&] { unpack(whole.substr(0, size)); });
  }
}

TEST(GunzipTest, DamageIsRefused) {
  std::string file = gzip("a few words, and a few words more");
  file[file.size() - 6] ^= 1;  // in the checksum
  expect_error(ErrorCode::kCorruptPackage, "damaged", [&] { unpack(file); });
}

TEST(GunzipTest, AnythingAfterTheEndIsRefused) {
  expect_error(ErrorCode::kCorruptPackage, "follows", [] { unpack(gzip("a") + "b"); });
}

}  // namespace
}  // namespace glint
