// Where the base of a package on disk is looked for.
#include <glint/package.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "package/extension_support.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"

namespace glint {
namespace {

namespace fs = std::filesystem;
using namespace test::extension;  // NOLINT(google-build-using-namespace)
using test::expect_error;
using test::Files;
using test::set_file;
using test::tiny_package;

// Folders, and GLINT_PACKAGE_PATH for the length of a test.
class ExtendsFolderTest : public testing::Test {
 protected:
  ExtendsFolderTest() { ::unsetenv("GLINT_PACKAGE_PATH"); }
  ~ExtendsFolderTest() override { ::unsetenv("GLINT_PACKAGE_PATH"); }

  std::string put(const Files& files, const std::string& place) {
    const fs::path folder = scratch_.path() / place;
    test::write_files(files, folder.string());
    return folder.string();
  }
  std::string put_extension() { return put(extension_files(sound()), "a/tiny-more.glint"); }
  void search(const std::string& folders) {
    ASSERT_EQ(::setenv("GLINT_PACKAGE_PATH", folders.c_str(), 1), 0);
  }
  std::string folder(const std::string& name) const { return (scratch_.path() / name).string(); }

  Files other_base() const {
    Files files = tiny_package();
    set_file(files, "classes.json", test::to_bytes(R"(["another"])"));
    return files;
  }

  test::ScratchFolder scratch_;
};

TEST_F(ExtendsFolderTest, ABaseIsFoundBesideThePackage) {
  const std::string path = put_extension();
  put(tiny_package(), "a/tiny-test.glint");
  for (const char* const end : {"", "/", "/.", "/./", "/../tiny-more.glint"}) {
    const Package package = Package::open(path + end);
    EXPECT_EQ(package.base()->path(), folder("a/tiny-test.glint")) << end;
    EXPECT_EQ(package.base()->digest(), base().digest());
  }
}

TEST_F(ExtendsFolderTest, ABaseIsFoundInThePackagePath) {
  const std::string path = put_extension();
  const std::string place = put(tiny_package(), "c/tiny-test.glint");
  search(folder("b") + "::" + folder("c"));
  EXPECT_EQ(Package::open(path).base()->path(), place);
}

TEST_F(ExtendsFolderTest, AFolderWithAnotherDigestIsPassedOver) {
  const std::string path = put_extension();
  put(other_base(), "a/tiny-test.glint");
  const std::string place = put(tiny_package(), "b/tiny-test.glint");
  search(folder("b"));
  EXPECT_EQ(Package::open(path).base()->path(), place);
}

TEST_F(ExtendsFolderTest, AnErrorListsWhereItLooked) {
  const std::string path = put_extension();
  put(other_base(), "a/tiny-test.glint");
  fs::create_directories(folder("c/tiny-test.glint/glint.json"));
  search(folder("b") + ":" + folder("c"));
  const std::string digest = Package::from_memory(other_base()).digest().substr(0, 12);
  const std::string message = test::error_of([&] { Package::open(path); });
  const std::string expected = "extends: expected \"tiny-test.glint\" with SHA-256 " +
                               base().digest().substr(0, 12) + ", looked in \"" + folder("a") +
                               "\" (SHA-256 " + digest + "), \"" + folder("b") + "\" (none), \"" +
                               folder("c") + "\" (unreadable)";
  EXPECT_NE(message.find(expected), std::string::npos) << message << "\nexpected: " << expected;
  expect_error(ErrorCode::kNotFound, "tiny-more.glint", [&] { Package::open(path); });
}

TEST_F(ExtendsFolderTest, GivenBasesComeFirst) {
  const std::string path = put_extension();
  const Package package = Package::open(path, {.bases = {base()}});
  EXPECT_EQ(package.base()->path(), "base");
}

TEST_F(ExtendsFolderTest, ADamagedBaseIsNamed) {
  const std::string path = put_extension();
  Files damaged = tiny_package();
  damaged["towers/image.pt"].back() ^= std::byte{1};
  const std::string place = put(damaged, "a/tiny-test.glint");
  expect_error(ErrorCode::kCorruptPackage, place + "\": files: towers/image.pt: expected SHA-256",
               [&] { Package::open(path); });
}

TEST_F(ExtendsFolderTest, AChainIsRefused) {
  put(tiny_package(), "a/tiny-test.glint");
  Json json = manifest_json(Package::open(put_extension()));
  json["name"] = "tiny-most";
  const std::string path = put(extension_files(json), "a/tiny-most.glint");
  expect_error(ErrorCode::kCorruptPackage, "extends: expected null in a package that another one",
               [&] { Package::open(path); });
}

// No package can hold its own digest, so one that names its own folder finds another digest there.
TEST_F(ExtendsFolderTest, APackageCannotExtendItself) {
  Json json = sound();
  json["extends"]["name"] = "self";
  const std::string path = put(extension_files(json), "a/self.glint");
  expect_error(ErrorCode::kNotFound, "looked in", [&] { Package::open(path); });
}

TEST_F(ExtendsFolderTest, ProgressCountsTheBaseFirst) {
  const std::string path = put_extension();
  put(tiny_package(), "a/tiny-test.glint");
  std::vector<std::int64_t> totals;
  OpenOptions options;
  options.progress = [&](std::int64_t, std::int64_t total) {
    if (totals.empty() || totals.back() != total) totals.push_back(total);
  };
  Package::open(path, options);
  EXPECT_EQ(totals.size(), 2U);
}

}  // namespace
}  // namespace glint
