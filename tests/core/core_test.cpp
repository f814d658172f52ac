#include <glint/error.h>
#include <glint/version.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <locale>
#include <new>
#include <set>
#include <utility>

#include "core/check.h"
#include "core/file.h"
#include "core/large_buffer.h"

#include "support/scratch_folder.h"

namespace glint {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  const test::ScratchFolder scratch_;
  const fs::path folder_ = scratch_.path();
};

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

ErrorCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::kInternal;
}

TEST(ErrorTest, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    names.insert(to_string(static_cast<ErrorCode>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorCode::kInternal) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(ErrorTest, QuoteEscapesControlsAndCutsTheMiddleOfLongText) {
  EXPECT_EQ(quote("a\nb"), "\"a\\x0ab\"");
  const std::string head(40, 'x');
  const std::string tail(120, 'y');
  EXPECT_EQ(quote(head + tail), cat('"', head, tail, '"'));
  EXPECT_EQ(quote(head + "z" + tail), cat('"', head, "...", tail, '"'));
  const std::string umlaut = "\xc3\xa4";  // no half of it may be left
  EXPECT_EQ(quote(cat(head.substr(1), umlaut, "z", umlaut, tail.substr(1))),
            cat('"', head.substr(1), "...", tail.substr(1), '"'));
  EXPECT_EQ(quote(""), "\"\"");
}

TEST(ErrorTest, CheckNamesTheConditionAndIsInternal) {
  try {
    GLINT_CHECK(1 == 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    EXPECT_NE(std::string(error.what()).find("1 == 2"), std::string::npos);
  }
}

TEST(VersionTest, MatchesTheHeader) {
  EXPECT_EQ(version(),
            cat(GLINT_VERSION_MAJOR, ".", GLINT_VERSION_MINOR, ".", GLINT_VERSION_PATCH));
}

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  write_file_atomically(path("a"), bytes_of("one"));
  write_file_atomically(path("a"), bytes_of("three"));
  EXPECT_EQ(read_file(path("a"), 100), bytes_of("three"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, ReadsAnEmptyFile) {
  write_file_atomically(path("empty"), {});
  EXPECT_TRUE(read_file(path("empty"), 0).empty());
}

TEST_F(FileTest, MissingFileIsNotFound) {
  EXPECT_EQ(code_of([&] { read_file(path("none"), 10); }), ErrorCode::kNotFound);
}

TEST_F(FileTest, FolderIsNotAFile) {
  EXPECT_EQ(code_of([&] { read_file(folder_.string(), 10); }), ErrorCode::kIo);
}

TEST_F(FileTest, LargerThanTheBoundIsRefused) {
  write_file_atomically(path("big"), bytes_of("0123456789"));
  EXPECT_EQ(code_of([&] { read_file(path("big"), 9); }), ErrorCode::kInvalidArgument);
}

TEST_F(FileTest, FailedWriteLeavesNothing) {
  EXPECT_EQ(code_of([&] { write_file_atomically(path("no/such/folder"), bytes_of("x")); }),
            ErrorCode::kIo);
  fs::create_directories(folder_ / "target");  // a folder cannot be replaced by a file
  EXPECT_EQ(code_of([&] { write_file_atomically(path("target"), bytes_of("x")); }), ErrorCode::kIo);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

// Messages and digests do not depend on what the host does with its numbers.
TEST(CatTest, IgnoresTheHostsLocale) {
  struct Grouped : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale(), new Grouped));
  const std::string text = cat(49406, " ", 0.5);
  std::locale::global(before);
  EXPECT_EQ(text, "49406 0.5");
}

TEST(LargeBufferTest, IsZerosThatCanBeWrittenAndMoved) {
  LargeBuffer buffer(3 << 20);
  ASSERT_EQ(buffer.bytes().size(), std::size_t{3} << 20);
  EXPECT_TRUE(std::ranges::all_of(buffer.bytes(), [](std::byte b) { return b == std::byte{0}; }));
  buffer.bytes().back() = std::byte{7};
  const LargeBuffer moved(std::move(buffer));
  EXPECT_EQ(moved.bytes().back(), std::byte{7});
  EXPECT_TRUE(buffer.bytes().empty());  // NOLINT(bugprone-use-after-move): what is left of it
  EXPECT_TRUE(LargeBuffer(0).bytes().empty());
}

TEST(LargeBufferTest, MoreThanCanBeAddressedIsBadAlloc) {
  EXPECT_THROW(LargeBuffer(std::size_t{1} << 60), std::bad_alloc);
  EXPECT_EQ(
      code_of([] { within_memory("here", [] { return LargeBuffer(std::size_t{1} << 60); }); }),
      ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace glint
