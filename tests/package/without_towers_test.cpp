// Packages that have given their towers' files back, and read them again.
#include <glint/package.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "package/extension_support.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"

namespace glint {
namespace {

namespace fs = std::filesystem;
using namespace test::extension;  // NOLINT(google-build-using-namespace)
using test::expect_error;
using test::tiny_package;

constexpr const char* kTower = "towers/image.pt";

// With a tower of two megabytes.
test::Files large_package() {
  test::Files files = tiny_package();
  auto entries = test::tower_entries(test::tower_code());
  entries.push_back({"archive/data/1", test::Bytes(std::size_t{2} << 20)});
  test::set_file(files, kTower, test::make_archive(entries));
  return files;
}

class WithoutTowersTest : public testing::Test {
 protected:
  WithoutTowersTest() { test::write_files(tiny_package(), path()); }
  std::string path() const { return (scratch_.path() / "tiny-test.glint").string(); }
  fs::path tower() const { return fs::path(path()) / kTower; }

  const test::ScratchFolder scratch_;
};

TEST_F(WithoutTowersTest, IsTheSamePackage) {
  std::optional<Package> whole = Package::open(path());
  const Package less = whole->without_towers();
  whole.reset();
  EXPECT_EQ(less.digest(), base().digest());
  EXPECT_EQ(less.path(), path());
  for (const auto& [name, digest] : less.manifest().files) {
    EXPECT_TRUE(std::ranges::equal(less.file(name), base().file(name))) << name;
  }
  EXPECT_EQ(less.file(kTower).data(), less.file(kTower).data());
  expect_error(ErrorCode::kNotFound, "lists no file \"no.txt\"", [&] { less.file("no.txt"); });
}

TEST_F(WithoutTowersTest, TheWholeOneKeepsItsBytes) {
  const Package whole = Package::open(path());
  const Package less = whole.without_towers();
  fs::remove(tower());
  EXPECT_TRUE(std::ranges::equal(whole.file(kTower), base().file(kTower)));
  expect_error(ErrorCode::kNotFound, "tiny-test.glint\": no such file", [&] { less.file(kTower); });
}

TEST_F(WithoutTowersTest, RefusesAFileThatHasChanged) {
  const Package less = Package::open(path()).without_towers();
  test::write_files({{kTower, test::to_bytes("another")}}, path());
  expect_error(ErrorCode::kCorruptPackage, "towers/image.pt: changed since it was opened",
               [&] { less.file(kTower); });
  test::write_files(tiny_package(), path());
  EXPECT_TRUE(std::ranges::equal(less.file(kTower), base().file(kTower)));
}

TEST_F(WithoutTowersTest, ARelativePathIsThatOfTheOpening) {
  const fs::path before = fs::current_path();
  fs::current_path(scratch_.path());
  const Package less = Package::open("tiny-test.glint").without_towers();
  fs::current_path(before);
  EXPECT_TRUE(std::ranges::equal(less.file(kTower), base().file(kTower)));
}

TEST_F(WithoutTowersTest, ABaseGivesItsOwnBack) {
  const Package base = Package::open(path());
  const Package less =
      Package::from_memory(extension_files(sound()), "more", {.bases = {base}}).without_towers();
  fs::remove(tower());
  expect_error(ErrorCode::kNotFound, "no such file", [&] { less.file(kTower); });
  EXPECT_FALSE(less.file("towers/adapter.pt").empty());  // from memory: it stays there
}

TEST(WithoutTowersInMemoryTest, KeepsWhatCannotBeReadAgain) {
  EXPECT_EQ(base().without_towers().file(kTower).data(), base().file(kTower).data());
}

// Files of a megabyte are mapped where the system gives a lease, and the package is the same.
TEST(InPlaceTest, IsTheSamePackage) {
  const test::ScratchFolder scratch;
  const std::string path = (scratch.path() / "tiny-test.glint").string();
  const test::Files files = large_package();
  test::write_files(files, path);

  const Package read = Package::open(path), mapped = Package::open(path, {.in_place = true});
  EXPECT_EQ(mapped.digest(), read.digest());
  for (const auto& [name, digest] : read.manifest().files) {
    EXPECT_TRUE(std::ranges::equal(mapped.file(name), read.file(name))) << name;
  }
  const Package less = mapped.without_towers();
  EXPECT_TRUE(std::ranges::equal(less.file(kTower), read.file(kTower)));
}

// A file that a program has open for writing gets no lease: it is read.
TEST(InPlaceTest, ReadsWhatOthersMayChange) {
  const test::ScratchFolder scratch;
  const std::string path = (scratch.path() / "tiny-test.glint").string();
  const test::Files files = large_package();
  test::write_files(files, path);

  std::ofstream writer(fs::path(path) / kTower, std::ios::in | std::ios::out);
  const Package package = Package::open(path, {.in_place = true});
  writer.put('x').flush();
  fs::resize_file(fs::path(path) / kTower, 10);
  EXPECT_TRUE(std::ranges::equal(package.file(kTower), files.at(kTower)));
}

}  // namespace
}  // namespace glint
