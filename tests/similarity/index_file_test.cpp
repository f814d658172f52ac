// Index files: written whole or not at all, read back bit for bit, and refused when they are not
// what they claim.
#include <glint/error.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/file.h"
#include "similarity/index_layout.h"
#include "similarity/index_support.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"

namespace glint {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::kStorages;
using test::random_rows;

class IndexFileTest : public testing::Test {
 protected:
  std::string path(const std::string& name = "a.gidx") const { return (folder_ / name).string(); }
  std::vector<std::byte> bytes() const { return read_file(path(), 1 << 20); }
  // A new file each time: overwriting one makes some file systems wait for the disk.
  void write(std::span<const std::byte> data) const {
    fs::remove(path());
    std::ofstream(path(), std::ios::binary)
        .write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  const test::ScratchFolder scratch_;
  const fs::path folder_ = scratch_.path();
  const std::vector<float> rows_ = random_rows(37, 5, 1);
  const std::vector<float> queries_ = random_rows(3, 5, 2);
};

// With the header's own checksum made right again: what a hostile writer can do.
void seal(std::vector<std::byte>& file) {
  const auto sum = checksum(0, std::span(file).first(kIndexHeaderBytes - 4));
  std::memcpy(file.data() + kIndexHeaderBytes - 4, &sum, 4);
}

TEST_F(IndexFileTest, AnOpenedFileAnswersAsTheIndexThatWasSaved) {
  for (const IndexStorage storage : kStorages) {
    const Index built = Index::build(rows_, 5, storage);
    built.save(path());
    const Index opened = Index::open(path());
    opened.check();
    EXPECT_EQ(opened.size(), 37);
    EXPECT_EQ(opened.dim(), 5);
    EXPECT_EQ(opened.storage(), storage);
    EXPECT_EQ(opened.search(queries_, 9).hits, built.search(queries_, 9).hits);
    for (std::int64_t i = 0; i < 37; ++i) {
      EXPECT_TRUE(std::ranges::equal(opened.row(i), built.row(i)));
    }
  }
}

TEST_F(IndexFileTest, AnEmptyIndexIsAFileToo) {
  for (const IndexStorage storage : kStorages) {
    Index::build({}, 5, storage).save(path());
    EXPECT_EQ(bytes().size(), kIndexHeaderBytes);
    EXPECT_EQ(Index::open(path()).size(), 0);
    Index::open(path()).check();
  }
}

TEST_F(IndexFileTest, TheWriterMakesTheSameFileFromAnyPieces) {
  const auto rows = random_rows(2100, 5, 3);
  for (const IndexStorage storage : kStorages) {
    Index::build(rows, 5, storage).save(path("whole"));
    IndexWriter writer(path(), 2100, 5, storage);
    std::size_t done = 0;
    for (const std::size_t piece : {1UL, 1024UL, 0UL, 30UL, 1045UL}) {
      writer.add(std::span(rows).subspan(done * 5, piece * 5));
      done += piece;
    }
    EXPECT_FALSE(fs::exists(path()));
    writer.finish();
    EXPECT_EQ(bytes(), read_file(path("whole"), 1 << 20));
    fs::remove(path());
  }
}

TEST_F(IndexFileTest, AnUnfinishedWriterLeavesNothing) {
  {
    IndexWriter writer(path(), 37, 5);
    writer.add(rows_);
    EXPECT_EQ(files(), 1U);  // the temporary file
  }
  EXPECT_EQ(files(), 0U);
  const auto invalid = ErrorCode::kInvalidArgument;
  IndexWriter writer(path(), 36, 5);
  expect_error(invalid, "at most 36 more", [&] { writer.add(rows_); });
  expect_error(invalid, "whole rows", [&] { writer.add(std::span(rows_).first(7)); });
  expect_error(invalid, "expected 36 rows for an index, got 0", [&] { writer.finish(); });
  writer.add(std::span(rows_).first(36 * 5));
  writer.finish();
  expect_error(invalid, "finished before", [&] { writer.finish(); });
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(Index::open(path()).size(), 36);
}

TEST_F(IndexFileTest, AFailingWriteKeepsTheOldFile) {
  Index::build(rows_, 5).save(path());
  const auto before = bytes();
  IndexWriter writer(path(), 2, 5);
  writer.add(std::span(rows_).first(5));
  std::vector<float> bad(5, std::numeric_limits<float>::quiet_NaN());
  expect_error(ErrorCode::kInvalidArgument, "row 1, column 0", [&] { writer.add(bad); });
  writer = IndexWriter(path(), 1, 5);
  EXPECT_EQ(bytes(), before);
  expect_error(ErrorCode::kIo, "cannot write", [&] { IndexWriter(path("no/b"), 1, 5); });
  expect_error(ErrorCode::kIo, "cannot write", [&] { Index::build(rows_, 5).save(path("no/b")); });
  expect_error(ErrorCode::kInvalidArgument, "rows of 1 to", [&] { IndexWriter(path(), -1, 5); });
  expect_error(ErrorCode::kInvalidArgument, "rows of 1 to",
               [&] { IndexWriter(path(), (std::int64_t{1} << 40) + 1, 5); });
}

TEST_F(IndexFileTest, AnOpenFileSurvivesItsReplacement) {
  Index::build(rows_, 5).save(path());
  const Index opened = Index::open(path());
  const auto expected = opened.search(queries_, 5).hits;
  Index::build({}, 7).save(path());
  EXPECT_EQ(opened.search(queries_, 5).hits, expected);
  EXPECT_EQ(Index::open(path()).dim(), 7);
}

TEST_F(IndexFileTest, RefusesWhatIsNoFile) {
  expect_error(ErrorCode::kNotFound, "no such file", [&] { Index::open(path("none")); });
  expect_error(ErrorCode::kIo, "regular file", [&] { Index::open(folder_.string()); });
  expect_error(ErrorCode::kIo, "regular file", [&] { Index::open("/dev/null"); });
}

TEST_F(IndexFileTest, RefusesEveryTruncationAndAddition) {
  for (const IndexStorage storage : kStorages) {
    Index::build(rows_, 5, storage).save(path());
    const auto whole = bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
      write(std::span(whole).first(size));
      expect_error(ErrorCode::kCorruptPackage, "in the index", [&] { Index::open(path()); });
    }
    auto longer = whole;
    longer.push_back(std::byte{0});
    write(longer);
    expect_error(ErrorCode::kCorruptPackage, "bytes for 37 rows of 5",
                 [&] { Index::open(path()); });
  }
}

// A byte of the header is found at open(), one of a section by check(); padding is free.
TEST_F(IndexFileTest, FindsEveryChangedByte) {
  for (const IndexStorage storage : kStorages) {
    Index::build(rows_, 5, storage).save(path());
    const auto whole = bytes();
    const IndexLayout layout(storage, 37, 5);
    std::vector<bool> guarded(whole.size());
    std::fill_n(guarded.begin(), kIndexHeaderBytes, true);
    for (const auto& section : layout.sections) {
      for (std::uint64_t i = 0; i < section.bytes; ++i) guarded[section.at + i] = true;
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
      auto changed = whole;
      changed[i] ^= std::byte{1} << (i % 8);
      write(changed);
      bool refused = false;
      try {
        const Index index = Index::open(path());
        EXPECT_GE(i, kIndexHeaderBytes);
        index.check();
      } catch (const Error&) {
        refused = true;
      }
      EXPECT_EQ(refused, guarded[i]) << "byte " << i;
    }
  }
}

// Damaged rows may give other hits, but never anything but hits or an Error.
TEST_F(IndexFileTest, SearchingDamagedRowsIsSafe) {
  std::mt19937 random(4);
  int refused = 0;
  std::vector<std::vector<std::byte>> whole;
  for (const IndexStorage storage : kStorages) {
    Index::build(rows_, 5, storage).save(path());
    whole.push_back(bytes());
  }
  for (std::size_t round = 0; round < 300; ++round) {
    auto changed = whole[round % 3];
    for (int i = 0; i < 40; ++i) {
      const std::size_t at = kIndexHeaderBytes + random() % (changed.size() - kIndexHeaderBytes);
      changed[at] = static_cast<std::byte>(round % 2 == 0 ? 0xff : random() % 256);
    }
    write(changed);
    const Index index = Index::open(path());
    try {
      const SearchResult result = index.search(queries_, 5);
      EXPECT_EQ(result.hits.size(), 15U);
      for (const Hit& hit : result.hits) {
        EXPECT_TRUE(hit.index >= 0 && hit.index < 37);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptPackage);
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);  // 0xff 0xff 0xff 0xff is a NaN
}

// Headers with right checksums and wrong contents.
TEST_F(IndexFileTest, RefusesHostileHeaders) {
  struct Change {
    std::size_t at;
    std::uint64_t value;
    std::size_t width;
    ErrorCode code;
    const char* part;
  };
  const auto corrupt = ErrorCode::kCorruptPackage;
  const std::vector<Change> changes{
      {0, 0, 1, corrupt, "first bytes"},
      {8, 2, 4, ErrorCode::kUnsupported, "version 1, got 2"},
      {8, 0, 4, ErrorCode::kUnsupported, "version 1, got 0"},
      {12, 3, 4, corrupt, "storage 3"},
      {12, 0xffffffff, 4, corrupt, "storage"},
      {12, 0, 4, corrupt, "bytes for 37 rows of 5"},
      {16, 38, 8, corrupt, "bytes for 38 rows of 5"},
      {16, 0, 8, corrupt, "bytes for 0 rows of 5"},
      {16, std::uint64_t{1} << 40, 8, corrupt, "bytes for 1099511627776 rows"},
      {16, (std::uint64_t{1} << 40) + 1, 8, corrupt, "at most"},
      {16, ~std::uint64_t{0}, 8, corrupt, "at most"},
      {24, 0, 8, corrupt, "1 to 65536"},
      {24, 65537, 8, corrupt, "1 to 65536"},
      {24, std::uint64_t{1} << 63, 8, corrupt, "1 to 65536"},
      {32, 12, 8, corrupt, "expected"},
  };
  Index::build(rows_, 5).save(path());
  const auto whole = bytes();
  for (const Change& change : changes) {
    auto changed = whole;
    std::memcpy(changed.data() + change.at, &change.value, change.width);
    seal(changed);
    write(changed);
    expect_error(change.code, change.part, [&] { Index::open(path()); });
  }
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    auto changed = whole;
    for (int i = 0; i < 3; ++i) {
      changed[8 + random() % 52] = static_cast<std::byte>(random() % 4 == 0 ? random() % 256 : 0);
    }
    seal(changed);
    write(changed);
    try {
      Index::open(path()).search(queries_, 5);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace glint
