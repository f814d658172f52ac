// Files as memory, and the lease that keeps them as they are.
#include "core/mapped_file.h"

#include <fcntl.h>
#include <glint/error.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "support/expect_error.h"
#include "support/scratch_folder.h"

namespace glint {
namespace {

class MappedFileTest : public testing::Test {
 protected:
  MappedFileTest() { std::ofstream(path()) << kContent; }
  std::string path() const { return (scratch_.path() / "numbers").string(); }

  static bool has_content(const MappedFile& file) {
    return std::ranges::equal(file.bytes(), std::as_bytes(std::span(kContent)));
  }

  // 0, or why the file cannot be opened so.
  int try_open(int flags) const {
    const int descriptor = ::open(path().c_str(), flags | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return errno;
    ::close(descriptor);
    return 0;
  }

  static constexpr std::string_view kContent = "one two three";
  const test::ScratchFolder scratch_;
};

TEST_F(MappedFileTest, HoldsTheFilesBytes) {
  EXPECT_TRUE(has_content(MappedFile(path())));
  std::ofstream(path(), std::ios::trunc).flush();
  EXPECT_TRUE(MappedFile(path()).bytes().empty());
  test::expect_error(ErrorCode::kNotFound, "no such file", [&] { MappedFile(path() + ".no"); });
  test::expect_error(ErrorCode::kIo, "expected a regular file",
                     [&] { MappedFile(scratch_.path().string()); });
}

TEST_F(MappedFileTest, NobodyOpensALeasedFileForWriting) {
  auto file = MappedFile::leased(path());
  ASSERT_TRUE(file);
  auto second = MappedFile::leased(path());
  ASSERT_TRUE(second);
  EXPECT_TRUE(has_content(*file));
  EXPECT_EQ(try_open(O_RDONLY), 0);
  EXPECT_EQ(try_open(O_WRONLY), EWOULDBLOCK);
  EXPECT_EQ(try_open(O_RDWR | O_TRUNC), EWOULDBLOCK);
  EXPECT_TRUE(has_content(*file));
  file.reset();
  EXPECT_EQ(try_open(O_WRONLY), EWOULDBLOCK);
  second.reset();
  EXPECT_EQ(try_open(O_WRONLY), 0);
}

TEST_F(MappedFileTest, AFileThatIsOpenForWritingGetsNoLease) {
  const std::ofstream writer(path(), std::ios::in | std::ios::out);
  EXPECT_EQ(MappedFile::leased(path()), nullptr);
  test::expect_error(ErrorCode::kNotFound, "no such file",
                     [&] { MappedFile::leased(path() + ".no"); });
}

}  // namespace
}  // namespace glint
