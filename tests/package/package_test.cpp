#include <glint/package.h>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <random>

#include "package/opened_package.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::expect_error;
using test::Files;
using test::set_file;
using test::tiny_package;
using test::to_bytes;
using test::to_text;

void expect_refused(const Files& files, std::string_view part,
                    ErrorCode code = ErrorCode::kCorruptPackage) {
  expect_error(code, part, [&] { open_files({.read = files}, {}); });
}

TEST(OpenFilesTest, TakesTheTinyPackage) {
  const OpenedPackage opened = open_files({.read = tiny_package()}, {});
  EXPECT_EQ(opened.manifest.name, "tiny-test");
  EXPECT_EQ(opened.manifest.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(opened.manifest.tasks.at("classify").heads.at(0).templates,
            (std::vector<std::string>{"a photo of a {}.", "{}"}));
  EXPECT_EQ(opened.digest + "\n", to_text(tiny_package().at("glint.json.sha256")));
  EXPECT_EQ(opened.files.read.size(), 8U);
}

TEST(OpenFilesTest, UsesTheBareLabelWithoutTemplates) {
  Files files = tiny_package();
  std::string text = test::manifest_of(files);
  const std::string name = "\"templates\": \"templates.json\"";
  text.replace(text.find(name), name.size(), "\"templates\": null");
  test::set_manifest(files, text);
  EXPECT_EQ(open_files({.read = files}, {}).manifest.tasks.at("classify").heads.at(0).templates,
            (std::vector<std::string>{"{}"}));
}

TEST(OpenFilesTest, HasNoClassesWithoutTheirFile) {
  Files files = tiny_package();
  files.erase("classes.json");
  std::string text = test::manifest_of(files);
  const std::size_t begin = text.find("\"classes.json\"");
  text.erase(begin, text.find(',', begin) + 1 - begin);
  test::set_manifest(files, text);
  EXPECT_TRUE(open_files({.read = files}, {}).manifest.classes.empty());
}

TEST(OpenFilesTest, ChecksTheManifestBeforeItIsParsed) {
  Files files = tiny_package();
  files["glint.json"] = to_bytes("no json");
  expect_refused(files, "glint.json: expected SHA-256 ");
  for (const char* text : {"", "abc\n", "\n"}) {
    files["glint.json.sha256"] = to_bytes(text);
    expect_refused(files, "glint.json.sha256: expected 64 lower-case hex digits and a newline");
  }
  files.erase("glint.json.sha256");
  expect_refused(files, "glint.json.sha256: no such file in the package");
  files.erase("glint.json");
  expect_refused(files, "glint.json: no such file in the package", ErrorCode::kNotFound);
}

TEST(OpenFilesTest, RefusesADigestFileInAnotherForm) {
  const std::string digest = to_text(tiny_package().at("glint.json.sha256"));
  std::string upper = digest;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& text : {digest + "\n", digest.substr(0, 64), digest.substr(0, 64) + " ",
                                  upper, digest.substr(0, 64) + "  glint.json\n"}) {
    Files files = tiny_package();
    files["glint.json.sha256"] = to_bytes(text);
    expect_refused(files, "glint.json.sha256: expected 64");
  }
}

TEST(OpenFilesTest, RefusesEveryFlippedBitOfAFile) {
  std::mt19937 random(1);
  for (const auto& [name, content] : tiny_package()) {
    for (int i = 0; i < 8; ++i) {
      Files files = tiny_package();
      files[name][random() % content.size()] ^= static_cast<std::byte>(1 << random() % 8);
      EXPECT_THROW(open_files({.read = files}, {}), Error) << name;
    }
  }
}

TEST(OpenFilesTest, NamesEveryWrongMissingAndUnlistedFile) {
  Files files = tiny_package();
  files["towers/image.pt"].pop_back();
  files["templates.json"].push_back(std::byte{' '});
  files.erase("reference/1.png");
  files["notes.txt"] = to_bytes("x");
  files["towers/../x"] = to_bytes("x");
  const std::string message = test::error_of([&] { open_files({.read = files}, {}); });
  EXPECT_TRUE(message.starts_with("files: 5 problems: ")) << message;
  for (const char* part :
       {"\"notes.txt\": expected no file that glint.json does not list",
        "\"towers/../x\": expected no file", "reference/1.png: missing",
        "towers/image.pt: expected SHA-256 ", "templates.json: expected SHA-256 "}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(OpenFilesTest, LooksIntoNoFileWithAWrongDigest) {
  Files files = tiny_package();
  files["templates.json"] = to_bytes("[");
  files["towers/text.pt"] = to_bytes("no archive");
  const std::string message = test::error_of([&] { open_files({.read = files}, {}); });
  EXPECT_TRUE(message.starts_with("files: 2 problems: ")) << message;
}

struct Content {
  const char* name;
  Bytes content;
  const char* part;
};

TEST(OpenFilesTest, RefusesFilesOfAWrongForm) {
  Bytes truncated = tiny_package().at("towers/image.pt");
  truncated.resize(truncated.size() / 2);
  auto saves = test::tower_entries("class A(Module):\n  torch.save(x, \"y\")\n");
  const Content contents[] = {
      {"templates.json", to_bytes("[]"), "templates.json: expected an array of 1 to 1000"},
      {"templates.json", to_bytes("{}"), "templates.json: expected an array"},
      {"templates.json", to_bytes("[3]"), "templates.json: [0]: expected a string, got 3"},
      {"templates.json", to_bytes(R"(["a", "{} {}"])"),
       "templates.json: 2 problems: [0]: expected a template with one \"{}\", got \"a\"; [1]"},
      {"templates.json", to_bytes("[\"\xff{}\"]"), "templates.json: expected JSON in UTF-8"},
      {"classes.json", to_bytes(R"(["a", "b", "a", ""])"),
       "classes.json: 2 problems: [2]: expected a label that is not listed before, got \"a\"; "
       "[3]: expected a label that is not blank, got \"\""},
      {"classes.json", to_bytes("[]"), "classes.json: expected an array"},
      {"towers/image.pt", to_bytes(""), "towers/image.pt: expected a zip archive"},
      {"towers/image.pt", truncated, "towers/image.pt: expected a zip archive"},
      {"towers/text.pt", test::make_archive(saves),
       "towers/text.pt: \"archive/code/__torch__/tower.py\": expected code without file"},
      {"unused.pt", to_bytes("x"), "unused.pt: expected a zip archive"},
      {"unused.safetensors", to_bytes("x"), "unused.safetensors: expected a safetensors file"},
      {"reference/vectors.safetensors", test::make_safetensors("{}", {}),
       "reference/vectors.safetensors: 7 problems: pixels.0: missing"},
  };
  for (const Content& content : contents) {
    SCOPED_TRACE(content.part);
    Files files = tiny_package();
    set_file(files, content.name, content.content);
    expect_refused(files, content.part);
  }
}

class PackageFolderTest : public ::testing::Test {
 protected:
  PackageFolderTest() { test::write_files(tiny_package(), path()); }

  std::string path() const { return (base_ / "tiny.glint").string(); }
  fs::path inside(const char* name) const { return fs::path(path()) / name; }
  void expect_refused(ErrorCode code, std::string_view part) const {
    expect_error(code, part, [&] { Package::open(path()); });
  }

  const test::ScratchFolder scratch_;
  const fs::path base_ = scratch_.path();
};

TEST_F(PackageFolderTest, OpensAFolder) {
  const Package package = Package::open(path());
  EXPECT_EQ(package.manifest().name, "tiny-test");
  EXPECT_EQ(package.path(), path());
  EXPECT_EQ(package.digest() + "\n", to_text(tiny_package().at("glint.json.sha256")));
  EXPECT_EQ(to_text(package.file("classes.json")), R"(["cat", "dog"])");
  EXPECT_NO_THROW(Package::open(path() + "/"));
}

TEST_F(PackageFolderTest, KeepsBytesAliveThroughCopies) {
  auto package = std::make_unique<Package>(Package::open(path()));
  const Package copy = *package;
  const auto bytes = package->file("classes.json");
  package.reset();
  EXPECT_EQ(copy.file("classes.json").data(), bytes.data());
}

TEST_F(PackageFolderTest, GivesOutListedFilesOnly) {
  const Package package = Package::open(path());
  for (const char* name : {"glint.json.sha256", "no.txt", "", "../tiny.glint"}) {
    expect_error(ErrorCode::kNotFound, "lists no file", [&] { package.file(name); });
  }
  EXPECT_FALSE(package.file("glint.json").empty());
}

TEST_F(PackageFolderTest, SaysThatThereIsNoPackage) {
  expect_error(ErrorCode::kNotFound, "expected a folder, got no such file",
               [&] { Package::open((base_ / "no").string()); });
  expect_error(ErrorCode::kNotFound, "expected a folder", [&] { Package::open(""); });
  expect_error(ErrorCode::kNotFound, "expected a folder, got something else",
               [&] { Package::open(inside("glint.json").string()); });
  fs::remove(inside("glint.json"));
  expect_refused(ErrorCode::kNotFound, "expected a folder with glint.json, got none");
}

TEST_F(PackageFolderTest, RefusesLinks) {
  fs::rename(inside("classes.json"), base_ / "classes.json");
  fs::create_symlink(base_ / "classes.json", inside("classes.json"));
  expect_refused(ErrorCode::kCorruptPackage,
                 "\"classes.json\": expected a regular file, got a link");
}

TEST_F(PackageFolderTest, RefusesLinkedFoldersAndOpenEnds) {
  fs::rename(inside("towers"), base_ / "towers");
  fs::create_directory_symlink(base_ / "towers", inside("towers"));
  expect_refused(ErrorCode::kCorruptPackage, "\"towers\": expected a regular file, got a link");
  fs::remove(inside("towers"));
  fs::create_symlink(base_ / "nothing", inside("towers"));
  expect_refused(ErrorCode::kCorruptPackage, "\"towers\": expected a regular file, got a link");
}

TEST_F(PackageFolderTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(inside("pipe").c_str(), 0600), 0);
  expect_refused(ErrorCode::kCorruptPackage, "\"pipe\": expected a regular file");
}

TEST_F(PackageFolderTest, RefusesUnlistedFilesAnywhere) {
  test::write_files({{".hidden/x", to_bytes("x")}}, path());
  expect_refused(ErrorCode::kCorruptPackage, "\".hidden/x\": expected no file that glint.json");
}

TEST_F(PackageFolderTest, RefusesTooManyFiles) {
  for (int i = 0; i < 1001; ++i) test::write_files({{std::to_string(i), {}}}, path());
  expect_refused(ErrorCode::kCorruptPackage, "expected at most 1000 files and folders");
}

TEST_F(PackageFolderTest, RefusesHugeFilesBeforeReadingThem) {
  fs::resize_file(inside("classes.json"), (std::uintmax_t{8} << 30) + 1);  // a hole on the disk
  expect_refused(ErrorCode::kCorruptPackage, "\"classes.json\": expected at most 8589934592 bytes");
}

TEST_F(PackageFolderTest, NamesThePackageInEveryMessage) {
  test::write_files({{"classes.json", to_bytes("[]")}}, path());
  const std::string message = test::error_of([&] { Package::open(path()); });
  EXPECT_TRUE(message.starts_with("package \"" + path() + "\": files: classes.json: ")) << message;
}

TEST(PackageTest, OpensWhatTheExporterWrites) {
  const Package package =
      Package::open(std::string(GLINT_TEST_DATA) + "/golden/packages/random-vit.glint");
  EXPECT_EQ(package.manifest().name, "random-vit");
  EXPECT_EQ(package.manifest().towers.size(), 2U);
}

TEST(PackageTest, OpensFromMemoryAsFromAFolder) {
  const Package package = Package::from_memory(tiny_package(), "in-memory");
  EXPECT_EQ(package.path(), "in-memory");
  EXPECT_EQ(package.manifest().name, "tiny-test");
  EXPECT_EQ(package.tensors("reference/vectors.safetensors").at("logits").dim(0), 2);
  Files damaged = tiny_package();
  damaged["towers/image.pt"][9] ^= std::byte{1};
  expect_error(ErrorCode::kCorruptPackage, "package \"memory\": files: towers/image.pt",
               [&] { Package::from_memory(damaged); });
  expect_error(ErrorCode::kNotFound, "glint.json: no such file", [] { Package::from_memory({}); });
}

TEST(PackageTest, TellsHowFarItIsAndStopsWhenAsked) {
  std::int64_t last = 0, all = 0;
  OpenOptions options;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_GE(done, last);
    last = done;
    all = total;
  };
  std::int64_t bytes = 0;
  for (const auto& [name, content] : tiny_package()) {
    if (!name.starts_with("glint.json")) bytes += static_cast<std::int64_t>(content.size());
  }
  Package::from_memory(tiny_package(), "memory", options);
  EXPECT_EQ(last, all);
  EXPECT_EQ(all, bytes);
  std::stop_source source;
  options.stop = source.get_token();
  options.progress = [&](std::int64_t, std::int64_t) { source.request_stop(); };
  expect_error(ErrorCode::kCancelled, "cancelled",
               [&] { Package::from_memory(tiny_package(), "memory", options); });
}

}  // namespace
}  // namespace glint
