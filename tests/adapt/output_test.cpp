// Packages on a disk: whole, or not at all.
#include <atomic>
#include <thread>

#include "adapt/adapt_packages.h"
#include "package/edit_package.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

namespace fs = std::filesystem;
using test::expect_error;

class OutputTest : public testing::Test {
 protected:
  OutputTest() {
    fs::copy(test::kPackages + "random-vit.glint", scratch_.path() / "random-vit.glint",
             fs::copy_options::recursive);
  }

  static Package made(double alpha = 1) {
    static const Model model = test::load(Package::open(test::kPackages + "random-vit.glint"));
    static const Cache cache = build_cache(encode(model, read_labelled(test::Pictures().folder())));
    Cache changed = cache;
    changed.alpha = alpha;
    return with_cache(model, changed, {.name = "mine"});
  }
  std::string path(const std::string& name = "mine.glint") const {
    return (scratch_.path() / name).string();
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(scratch_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  test::ScratchFolder scratch_;
};

TEST_F(OutputTest, IsReadBackAsItWas) {
  const Package package = made();
  for (const char* const name : {"mine.glint", "b.glint/"}) {
    write_package(package, path(name));
    const Package read = Package::open(path(name));
    EXPECT_EQ(read.digest(), package.digest());
    EXPECT_EQ(read_cache(read).keys, read_cache(package).keys);
    EXPECT_EQ(own_files(read), own_files(package));
  }
  EXPECT_EQ(entries(), (std::vector<std::string>{"b.glint", "mine.glint", "random-vit.glint"}));
}

TEST_F(OutputTest, APackageIsReplacedOnlyWhenAsked) {
  write_package(made(1), path());
  expect_error(ErrorCode::kInvalidArgument, "expected nothing at",
               [&] { write_package(made(2), path()); });
  EXPECT_EQ(read_cache(Package::open(path())).alpha, 1);
  write_package(made(2), path(), true);
  EXPECT_EQ(read_cache(Package::open(path())).alpha, 2);
  EXPECT_EQ(entries(), (std::vector<std::string>{"mine.glint", "random-vit.glint"}));
}

TEST_F(OutputTest, RefusesWhereNoPackageCanGo) {
  const auto refuse = [&](ErrorCode code, const std::string& name, bool replace = false) {
    expect_error(code, "expected", [&] { check_output(path(name), replace); });
    expect_error(code, "expected", [&] { write_package(made(), path(name), replace); });
  };
  refuse(ErrorCode::kInvalidArgument, "mine.zip");
  refuse(ErrorCode::kNotFound, "no/mine.glint");
  std::ofstream(path("file.glint")) << "mine";
  refuse(ErrorCode::kInvalidArgument, "file.glint", true);
  fs::create_directory(path("other.glint"));
  std::ofstream(path("other.glint") + "/diary.txt") << "mine";
  refuse(ErrorCode::kInvalidArgument, "other.glint", true);
  fs::create_directory_symlink(path("random-vit.glint"), path("link.glint"));
  refuse(ErrorCode::kInvalidArgument, "link.glint", true);
  refuse(ErrorCode::kInvalidArgument, "random-vit.glint/mine.glint");
  refuse(ErrorCode::kInvalidArgument, "random-vit.glint/towers/../towers/mine.glint");
  EXPECT_TRUE(fs::exists(path("other.glint") + "/diary.txt"));
  EXPECT_EQ(entries(), (std::vector<std::string>{"file.glint", "link.glint", "other.glint",
                                                 "random-vit.glint"}));
}

// A base may lie in a folder of any name, so that its own name does not protect it.
TEST_F(OutputTest, TheBaseIsNotReplacedByWhatNeedsIt) {
  fs::rename(path("random-vit.glint"), path("mine.glint"));
  expect_error(ErrorCode::kInvalidArgument, "another place than that of the base \"random-vit\"",
               [&] { write_package(made(), path(), true); });
  EXPECT_NO_THROW(Package::open(path()));
  EXPECT_EQ(entries(), (std::vector<std::string>{"mine.glint"}));
}

// Of writers at one time one wins, whole; the others say so and leave nothing.
TEST_F(OutputTest, OneOfManyWritersWins) {
  std::atomic<int> written = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 8; ++i) {
      writers.emplace_back([&, package = made(i)] {
        try {
          write_package(package, path());
          ++written;
        } catch (const Error&) {
        }
      });
    }
  }
  EXPECT_EQ(written, 1);
  EXPECT_NO_THROW(read_cache(Package::open(path())));
  EXPECT_EQ(entries(), (std::vector<std::string>{"mine.glint", "random-vit.glint"}));
}

// A name that is too long for the temporary folder beside it.
TEST_F(OutputTest, AFailureLeavesNothing) {
  const fs::path narrow = scratch_.path() / std::string(250, 'n');
  expect_error(ErrorCode::kIo, "", [&] { write_package(made(), narrow.string() + ".glint"); });
  EXPECT_EQ(entries(), (std::vector<std::string>{"random-vit.glint"}));
}

}  // namespace
}  // namespace glint::adapt
