// Packages that extend another one: models/package.md, "Extending a package".
#include <glint/package.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "package/extension_support.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using namespace test::extension;  // NOLINT(google-build-using-namespace)
using test::expect_error;
using test::Files;
using test::set_file;
using test::tiny_package;

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

}  // namespace
}  // namespace glint
