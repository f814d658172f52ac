// Packages that extend another one: models/package.md, "Extending a package".
#include <glint/package.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "support/expect_error.h"
#include "support/scratch_folder.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using test::expect_error;
using test::Files;
using test::set_file;
using test::tiny_package;

void add_block(Files& files, const std::string& name) {
  set_file(files, "towers/" + name + ".pt",
           test::make_archive(test::tower_entries(test::tower_code())));
}

Json block_json(const std::string& name) {
  const auto port = [](const std::string& port_name) {
    return Json{{"name", port_name}, {"dtype", "f32"}, {"shape", {"B", 4}}};
  };
  Json forward;
  forward["inputs"] = Json::array({port("x")});
  forward["outputs"] = Json::array({port("y")});
  Json json{{"file", "towers/" + name + ".pt"}, {"dtype", "f32"}, {"storage", "f32"}};
  json["methods"]["forward"] = forward;
  return json;
}

// The manifest of a package that adds a block, a task, templates and classes to `base`.
Json manifest_json(const Package& base) {
  Json json;
  json["format_version"] = 1;
  json["name"] = "tiny-more";
  json["family"] = "clip";
  json["extends"] = {{"name", base.manifest().name}, {"digest", base.digest()}};
  json["towers"]["adapter"] = block_json("adapter");
  json["tasks"]["classify"] = {
      {"preprocess", "default"},
      {"heads", Json::array({{{"type", "zero_shot"}, {"templates", "templates.json"}}})}};
  json["licence"] = "MIT";
  json["provenance"] = {{"made_by", "tests"}};
  json["reference"] = {{"calls", Json::array({{{"tower", "adapter"}, {"method", "forward"}}})},
                       {"file", "reference/vectors.safetensors"},
                       {"tolerance", {{"embedding", 1e-5}, {"logit", 1e-4}}},
                       {"versions", {{"torch", "2.15.0"}}}};
  json["files"] = Json::object();
  return json;
}

Files extension_files(const Json& json) {
  Files files;
  test::set_manifest(files, json.dump(1));
  add_block(files, "adapter");
  set_file(files, "templates.json", test::to_bytes(R"(["my {}"])"));
  set_file(files, "classes.json", test::to_bytes(R"(["ship"])"));
  set_file(files, "reference/vectors.safetensors",
           test::make_safetensors(
               R"({"calls.0.inputs.x":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]},)"
               R"("calls.0.outputs.y":{"dtype":"F32","shape":[1,4],"data_offsets":[16,32]}})",
               test::Bytes(32)));
  return files;
}

const Package& base() {
  static const Package opened = Package::from_memory(tiny_package(), "base");
  return opened;
}

Package open_extension(const Json& json) {
  return Package::from_memory(extension_files(json), "more", {.bases = {base()}});
}

Json sound() { return manifest_json(base()); }

TEST(ExtendsTest, TheManifestIsTheWhole) {
  const Package package = open_extension(sound());
  const Manifest& whole = package.manifest();
  EXPECT_EQ(whole.name, "tiny-more");
  EXPECT_EQ(whole.licence, "MIT");
  EXPECT_EQ(whole.family, "clip");
  EXPECT_EQ(whole.embed_dim, 4);
  EXPECT_EQ(whole.activation, "quick_gelu");
  EXPECT_EQ(whole.logit.scale, 100);
  EXPECT_EQ(whole.tokenizer->context_length, 8);
  EXPECT_EQ(whole.towers.size(), 3U);
  EXPECT_EQ(whole.towers.at("adapter").storage, DType::kF32);
  EXPECT_EQ(whole.preprocess.size(), 1U);
  EXPECT_EQ(whole.classes, std::vector<std::string>{"ship"});
  EXPECT_EQ(whole.tasks.at("classify").heads.at(0).templates, std::vector<std::string>{"my {}"});
  EXPECT_TRUE(whole.reference.images.empty());
  EXPECT_EQ(whole.extends->name, "tiny-test");
  EXPECT_EQ(whole.extends->digest, base().digest());
  EXPECT_EQ(whole.extends->files, (std::set<std::string, std::less<>>{
                                      "tokenizer/bpe.txt", "towers/image.pt", "towers/text.pt"}));
  EXPECT_EQ(whole.files.at("towers/image.pt"), base().manifest().files.at("towers/image.pt"));
  EXPECT_EQ(whole.files.size(), 7U);  // three lent ones, four of its own
  ASSERT_TRUE(package.base().has_value());
  EXPECT_EQ(package.base()->digest(), base().digest());
  EXPECT_NE(package.digest(), base().digest());
  EXPECT_FALSE(base().base().has_value());
}

TEST(ExtendsTest, LentFilesAreTheBasesOwnBytes) {
  std::optional<Package> package = open_extension(sound());
  EXPECT_EQ(package->file("towers/text.pt").data(), base().file("towers/text.pt").data());
  EXPECT_EQ(test::to_text(package->file("templates.json")), R"(["my {}"])");
  // Neither pictures nor templates of the base are lent.
  expect_error(ErrorCode::kNotFound, "lists no file \"reference/0.png\"",
               [&] { package->file("reference/0.png"); });
  EXPECT_NO_THROW(package->base()->file("reference/0.png"));
}

TEST(ExtendsTest, TheBaseLivesAsLongAsThePackage) {
  std::optional<Package> opened = Package::from_memory(tiny_package());
  const Package package =
      Package::from_memory(extension_files(sound()), "more", {.bases = {*opened}});
  opened.reset();
  EXPECT_EQ(test::to_text(package.file("tokenizer/bpe.txt")), "#version: 0.2\na b\n");
}

TEST(ExtendsTest, LogitAndPreprocessesMayBeItsOwn) {
  Json json = sound();
  json["logit"] = {{"scale", 30}, {"bias", -1}};
  const Json base_json = Json::parse(test::manifest_of(tiny_package()));
  json["preprocess"]["squashed"] = base_json["preprocess"]["default"];
  json["preprocess"]["squashed"]["geometry"] = "squash";
  json["tasks"]["classify"]["preprocess"] = "squashed";
  json.erase("towers");
  json["reference"]["calls"][0]["tower"] = "image";
  Files files = extension_files(json);
  set_file(
      files, "reference/vectors.safetensors",
      test::make_safetensors(
          R"({"calls.0.inputs.pixels":{"dtype":"F32","shape":[1,3,8,8],"data_offsets":[0,768]},)"
          R"("calls.0.outputs.embedding":{"dtype":"F32","shape":[1,4],"data_offsets":[768,784]}})",
          test::Bytes(784)));
  const Package package = Package::from_memory(files, "more", {.bases = {base()}});
  EXPECT_EQ(package.manifest().logit.scale, 30);
  EXPECT_EQ(package.manifest().logit.bias, -1);
  EXPECT_EQ(package.manifest().preprocess.at("squashed").geometry, Geometry::kSquash);
  EXPECT_EQ(package.manifest().preprocess.at("default").geometry, Geometry::kShortest);
}

TEST(ExtendsTest, TextsMayBeRecordedWithoutPictures) {
  Json json = sound();
  json["reference"].erase("calls");
  json["reference"]["texts"] = {"a cat"};
  Files files = extension_files(json);
  set_file(files, "reference/vectors.safetensors",
           test::make_safetensors(
               R"({"ids.0":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},)"
               R"("text_embedding":{"dtype":"F32","shape":[1,4],"data_offsets":[24,40]}})",
               test::Bytes(40)));
  const Package package = Package::from_memory(files, "more", {.bases = {base()}});
  EXPECT_EQ(package.manifest().reference.texts, std::vector<std::string>{"a cat"});
}

TEST(ExtendsTest, NamesEveryMissingKey) {
  const Json whole = sound();
  for (const auto& [key, value] : whole.items()) {
    if (key == "towers" || key == "extends" || key == "files") continue;
    Json json = whole;
    json.erase(key);
    SCOPED_TRACE(key);
    expect_error(ErrorCode::kCorruptPackage, key + ": missing", [&] { open_extension(json); });
  }
}

TEST(ExtendsTest, WithoutExtendsAPackageMustBeWhole) {
  Json json = sound();
  json.erase("extends");
  const std::string message = test::error_of([&] { open_extension(json); });
  for (const char* const part : {"embed_dim: missing", "tokenizer: missing", "extends: missing"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(ExtendsTest, RefusesWhatDoesNotFitTheBase) {
  const Json preprocess = Json::parse(test::manifest_of(tiny_package()))["preprocess"]["default"];
  Json large = preprocess;
  large["size"] = {16, 16};
  const std::string zeros(64, '0');
  const struct {
    const char* pointer;
    Json value;
    std::string_view message;
  } cases[] = {
      {"/towers/image", block_json("adapter"), "towers.image: expected no image or text tower"},
      {"/towers/text", block_json("adapter"), "towers.text: expected no image or text tower"},
      {"/towers/adapter/file", "towers/image.pt",
       "towers.adapter.file: expected a file that is listed in files"},
      {"/towers/adapter/file", "../base.glint/towers/image.pt",
       "towers.adapter.file: expected a relative path"},
      {"/preprocess/default", preprocess, "preprocess: expected names that no preprocess"},
      {"/preprocess/large", large, "preprocess: expected pixels of [16, 16]"},
      {"/embed_dim", 4, "embed_dim: unknown key"},
      {"/tokenizer", nullptr, "tokenizer: unknown key"},
      {"/activation", "gelu", "activation: unknown key"},
      {"/family", "siglip", "family: expected \"clip\""},
      {"/format_version", 0, "format_version: expected 1"},
      {"/logit", {{"scale", 0}, {"bias", 0}}, "logit.scale: expected a positive number"},
      {"/extends/name", "tiny-more", "extends.name: expected another name than the package's own"},
      {"/extends/name", "../base", "extends.name: expected a name"},
      {"/extends/name", "else",
       "extends: expected the name of the package with that digest, "
       "\"tiny-test\", got \"else\""},
      {"/extends/name", 1, "extends.name: expected a string"},
      {"/extends/digest", "sha256:" + zeros, "extends.digest: expected 64 lower-case hex digits"},
      {"/extends/path", "../base.glint", "extends.path: unknown key"},
      {"/tasks/classify/preprocess", "none", "tasks.classify.preprocess: expected a name"},
      {"/tasks/classify/heads/0/templates", "tokenizer/bpe.txt",
       "tasks.classify.heads[0].templates: expected a file that is listed in files"},
      {"/reference/calls", Json::array(), "reference: expected images, texts or calls, got none"},
      {"/reference/calls/0/tower", "none", "reference.calls[0].tower: expected a name in towers"},
      {"/reference/images", Json::array(), "reference.images: expected an array of 1 to 16"},
  };
  for (const auto& [pointer, value, message] : cases) {
    SCOPED_TRACE(pointer);
    Json json = sound();
    json[Json::json_pointer(pointer)] = value;
    expect_error(ErrorCode::kCorruptPackage, message, [&, &json = json] { open_extension(json); });
  }
}

TEST(ExtendsTest, NoFileIsInBoth) {
  Files files = extension_files(sound());
  set_file(files, "towers/image.pt", files.at("towers/adapter.pt"));
  expect_error(ErrorCode::kCorruptPackage,
               "files: expected no file that the base lends, got \"towers/image.pt\"",
               [&] { Package::from_memory(files, "more", {.bases = {base()}}); });
}

TEST(ExtendsTest, NoTowerIsInBoth) {
  Files base_files = tiny_package();
  Json json = Json::parse(test::manifest_of(base_files));
  json["towers"]["adapter"] = block_json("shared");
  test::set_manifest(base_files, json.dump());
  add_block(base_files, "shared");
  const Package with_block = Package::from_memory(base_files);
  expect_error(ErrorCode::kCorruptPackage,
               "towers.adapter: expected a name that no tower of the base has", [&] {
                 Package::from_memory(extension_files(manifest_json(with_block)), "more",
                                      {.bases = {with_block}});
               });
}

TEST(ExtendsTest, ABaseExtendsNothing) {
  const Package middle = open_extension(sound());
  Json json = manifest_json(middle);
  json["name"] = "tiny-most";
  expect_error(ErrorCode::kCorruptPackage,
               "extends: expected a base that extends nothing, got \"tiny-more\"", [&] {
                 Package::from_memory(extension_files(json), "most", {.bases = {middle, base()}});
               });
}

TEST(ExtendsTest, InMemoryOnlyGivenBasesCount) {
  expect_error(ErrorCode::kNotFound, "\"tiny-test\" with SHA-256 " + base().digest().substr(0, 12),
               [] { Package::from_memory(extension_files(sound()), "more"); });
}

TEST(ExtendsTest, OwnFilesAreVerifiedAsEver) {
  Files files = extension_files(sound());
  files["towers/adapter.pt"].back() ^= std::byte{1};
  expect_error(ErrorCode::kCorruptPackage, "towers/adapter.pt: expected SHA-256",
               [&] { Package::from_memory(files, "more", {.bases = {base()}}); });
  files = extension_files(sound());
  files["towers/image.pt"] = test::to_bytes("another");
  expect_error(ErrorCode::kCorruptPackage, "towers/image.pt",
               [&] { Package::from_memory(files, "more", {.bases = {base()}}); });
}

TEST(ExtendsTest, SurvivesRandomMutations) {
  std::mt19937 random(7);
  const Files whole = extension_files(sound());
  const std::string text = test::manifest_of(whole);
  std::size_t refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string changed = text;
    for (auto n = random() % 3 + 1; n > 0; --n) {
      changed[random() % changed.size()] = static_cast<char>(random() & 0xff);
    }
    Files files = whole;
    test::set_manifest(files, changed);
    const auto open = [&] { Package::from_memory(files, "more", {.bases = {base()}}); };
    refused += test::error_of(open).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 500U);
}

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
