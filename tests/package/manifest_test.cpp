#include "package/manifest.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "package/paths.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using Json = nlohmann::ordered_json;
using test::expect_error;

Json sound() { return Json::parse(test::manifest_of(test::tiny_package())); }

ParsedManifest parse(const Json& json) {
  return parse_manifest(test::to_bytes(json.dump()), "glint.json");
}

std::string problems_of(const Json& json) {
  return test::error_of([&] { parse(json); });
}

TEST(ManifestTest, FillsEveryField) {
  const ParsedManifest parsed = parse(sound());
  const Manifest& manifest = parsed.manifest;
  EXPECT_EQ(manifest.name, "tiny-test");
  EXPECT_EQ(manifest.family, "clip");
  EXPECT_EQ(manifest.embed_dim, 4);
  EXPECT_EQ(manifest.activation, "quick_gelu");
  const PreprocessSpec& preprocess = manifest.preprocess.at("default");
  EXPECT_EQ(preprocess.width, 8);
  EXPECT_EQ(preprocess.height, 8);
  EXPECT_EQ(preprocess.geometry, Geometry::kShortest);
  EXPECT_EQ(preprocess.interpolation, Interpolation::kBicubic);
  EXPECT_EQ(preprocess.rgb, RgbConversion::kAfterResize);
  EXPECT_EQ(preprocess.mean, (std::array<float, 3>{0.5F, 0.25F, 0}));
  EXPECT_EQ(preprocess.std, (std::array<float, 3>{0.5F, 0.25F, 1}));
  ASSERT_TRUE(manifest.tokenizer);
  EXPECT_EQ(manifest.tokenizer->context_length, 8);
  EXPECT_EQ(manifest.tokenizer->overflow, Overflow::kTruncate);
  EXPECT_EQ(manifest.tokenizer->start_id, 562);
  EXPECT_EQ(manifest.tokenizer->end_id, 563);
  EXPECT_EQ(manifest.tokenizer->pad_id, 0);
  EXPECT_EQ(manifest.merges_file, "tokenizer/bpe.txt");
  EXPECT_EQ(manifest.logit.scale, 100);
  EXPECT_EQ(manifest.logit.bias, 0);
  EXPECT_EQ(manifest.licence, "Apache-2.0");
  EXPECT_EQ(manifest.provenance.at("made_by"), "tests");
  EXPECT_EQ(manifest.files.size(), 8U);
  EXPECT_EQ(manifest.files.at("classes.json").size(), 64U);
  const TaskSpec& task = manifest.tasks.at("classify");
  EXPECT_EQ(task.preprocess, "default");
  ASSERT_EQ(task.heads.size(), 1U);
  EXPECT_EQ(task.heads[0].type, "zero_shot");
  EXPECT_EQ(parsed.templates.at("classify"),
            (std::vector<std::optional<std::string>>{"templates.json"}));
  EXPECT_EQ(manifest.reference.images.size(), 2U);
  EXPECT_EQ(manifest.reference.texts, (std::vector<std::string>{"a cat", ""}));
  EXPECT_EQ(manifest.reference.file, "reference/vectors.safetensors");
  EXPECT_EQ(manifest.reference.embedding_tolerance, 1e-5);
  EXPECT_EQ(manifest.reference.logit_tolerance, 1e-4);
  EXPECT_EQ(manifest.reference.versions.at("torch"), "2.15.0");
}

TEST(ManifestTest, FillsTheTowers) {
  const Manifest manifest = parse(sound()).manifest;
  ASSERT_EQ(manifest.towers.size(), 2U);
  const TowerSpec& text = manifest.towers.at("text");
  EXPECT_EQ(text.file, "towers/text.pt");
  EXPECT_EQ(text.storage, DType::kF16);
  ASSERT_EQ(text.methods.size(), 3U);
  const MethodSpec& method = text.methods.at("forward_embedded");
  ASSERT_EQ(method.inputs.size(), 2U);
  EXPECT_EQ(method.inputs[0].name, "embeddings");
  EXPECT_EQ(method.inputs[0].dtype, DType::kF32);
  EXPECT_EQ(method.inputs[0].shape, (std::vector<PortSize>{"B", "L", 6}));
  EXPECT_EQ(method.inputs[1].name, "eot");
  EXPECT_EQ(method.inputs[1].dtype, DType::kI64);
  EXPECT_EQ(method.outputs.at(0).shape, (std::vector<PortSize>{"B", 4}));
  EXPECT_EQ(manifest.towers.at("image").methods.at("forward").inputs.at(0).shape,
            (std::vector<PortSize>{"B", 3, 8, 8}));
}

TEST(ManifestTest, ReadsTheOtherValueOfEveryChoice) {
  Json json = sound();
  json["activation"] = "gelu";
  json["preprocess"]["default"]["geometry"] = "squash";
  json["preprocess"]["default"]["interpolation"] = "bilinear";
  json["preprocess"]["default"]["rgb"] = "before";
  json["tokenizer"]["overflow"] = "error";
  json["tokenizer"]["pad"] = 563;
  json["towers"]["image"]["storage"] = "f32";
  json["tasks"]["classify"]["heads"][0]["templates"] = nullptr;
  const ParsedManifest parsed = parse(json);
  EXPECT_EQ(parsed.manifest.activation, "gelu");
  EXPECT_EQ(parsed.manifest.preprocess.at("default").geometry, Geometry::kSquash);
  EXPECT_EQ(parsed.manifest.preprocess.at("default").interpolation, Interpolation::kBilinear);
  EXPECT_EQ(parsed.manifest.preprocess.at("default").rgb, RgbConversion::kBeforeResize);
  EXPECT_EQ(parsed.manifest.tokenizer->overflow, Overflow::kError);
  EXPECT_EQ(parsed.manifest.towers.at("image").storage, DType::kF32);
  EXPECT_EQ(parsed.templates.at("classify"),
            (std::vector<std::optional<std::string>>{std::nullopt}));
}

TEST(ManifestTest, ReadsAPreprocessOfEveryArithmetic) {
  for (const std::string arithmetic : {"pillow", "torchvision", "opencv", "torch"}) {
    Json json = sound();
    Json& preprocess = json["preprocess"]["default"];
    const bool two_samples = arithmetic == "opencv" || arithmetic == "torch";
    preprocess.update(Json{{"arithmetic", arithmetic},
                           {"antialias", !two_samples},
                           {"interpolation", two_samples ? "bilinear" : "nearest"},
                           {"rgb", "before_on_white"},
                           {"geometry", "longest"},
                           {"fill", 128},
                           {"crop", "down"},
                           {"rescale", "fused"},
                           {"channels", "bgr"}});
    if (arithmetic == "torch") preprocess["align_corners"] = true;
    const PreprocessSpec spec = parse(json).manifest.preprocess.at("default");
    EXPECT_EQ(spec.geometry, Geometry::kLongest);
    EXPECT_EQ(spec.fill, 128);
    EXPECT_EQ(spec.rgb, RgbConversion::kBeforeOnWhite);
    EXPECT_EQ(spec.crop, CropRounding::kDown);
    EXPECT_EQ(spec.rescale, Rescale::kFused);
    EXPECT_EQ(spec.channels, ChannelOrder::kBgr);
    EXPECT_EQ(spec.align_corners, arithmetic == "torch");
    EXPECT_NO_THROW(Preprocessor{spec}) << arithmetic;  // both know the same rules
  }
}

TEST(ManifestTest, ReadsTheSideBeforeTheCrop) {
  Json json = sound();
  EXPECT_EQ(parse(json).manifest.preprocess.at("default").resize, 0);
  json["preprocess"]["default"]["resize"] = 9;
  const PreprocessSpec spec = parse(json).manifest.preprocess.at("default");
  EXPECT_EQ(spec.resize, 9);
  EXPECT_NO_THROW(Preprocessor{spec});
  json["preprocess"]["default"]["geometry"] = "squash";
  EXPECT_NE(problems_of(json).find("preprocess.default.resize: expected only with geometry"),
            std::string::npos);
}

TEST(ManifestTest, TakesSizesThatAreNotSquare) {
  Json json = sound();
  json["preprocess"]["default"]["size"] = {6, 8};
  json["towers"]["image"]["methods"]["forward"]["inputs"][0]["shape"] = {"B", 3, 6, 8};
  const Manifest manifest = parse(json).manifest;
  EXPECT_EQ(manifest.preprocess.at("default").height, 6);
  EXPECT_EQ(manifest.preprocess.at("default").width, 8);
}

TEST(ManifestTest, TakesAPackageWithoutATextTower) {
  Json json = sound();
  json["tokenizer"] = nullptr;
  json["towers"].erase("text");
  json["tasks"] = Json::object();
  json["reference"]["texts"] = Json::array();
  const Manifest manifest = parse(json).manifest;
  EXPECT_FALSE(manifest.tokenizer);
  EXPECT_FALSE(manifest.towers.contains("text"));
  EXPECT_TRUE(manifest.tasks.empty());
}

TEST(ManifestTest, TakesTowersMethodsAndPortsBeyondTheTable) {
  Json json = sound();
  const Json map = {{"name", "map"}, {"dtype", "f32"}, {"shape", {"B", 5, "H", "W"}}};
  const Json count = {{"name", "count"}, {"dtype", "i64"}, {"shape", Json::array()}};
  json["towers"]["image"]["methods"]["forward"]["outputs"].push_back(map);
  json["towers"]["image"]["methods"]["again"] = {{"inputs", {map}}, {"outputs", {map, count}}};
  json["towers"]["fusion"] = json["towers"]["image"];
  json["towers"]["fusion"]["methods"].erase("forward");
  json["tasks"]["segment"] = {{"preprocess", "default"}, {"heads", {{{"type", "own"}}}}};
  const Manifest manifest = parse(json).manifest;
  const MethodSpec& again = manifest.towers.at("fusion").methods.at("again");
  EXPECT_EQ(again.inputs.at(0).shape, (std::vector<PortSize>{"B", 5, "H", "W"}));
  EXPECT_EQ(to_string(again.outputs.at(0)), "map f32 [B, 5, H, W]");
  EXPECT_EQ(to_string(again.outputs.at(1)), "count i64 []");
  EXPECT_EQ(manifest.towers.at("image").methods.at("forward").outputs.size(), 2U);
  EXPECT_EQ(manifest.tasks.at("segment").heads.at(0).type, "own");
}

TEST(ManifestTest, AnImageTowerOfAnySizeTakesEveryPreprocess) {
  Json json = sound();
  json["towers"]["image"]["methods"]["forward"]["inputs"][0]["shape"] = {"B", 3, "H", "W"};
  json["preprocess"]["large"] = json["preprocess"]["default"];
  json["preprocess"]["large"]["size"] = {64, 64};
  EXPECT_EQ(parse(json).manifest.preprocess.size(), 2U);
}

TEST(ManifestTest, PortsOfAMethodHaveNamesOfTheirOwn) {
  Json json = sound();
  auto& outputs = json["towers"]["image"]["methods"]["forward"]["outputs"];
  outputs.push_back(outputs[0]);
  expect_error(ErrorCode::kCorruptPackage, "outputs[1]: expected a name of its own",
               [&] { parse(json); });
  outputs[1]["name"] = "Bad";
  expect_error(ErrorCode::kCorruptPackage, "outputs[1].name: expected a name [a-z][a-z0-9_]*",
               [&] { parse(json); });
}

struct Change {
  const char* pointer;
  Json value;
  const char* part;
};

TEST(ManifestTest, RefusesValuesOutsideTheRules) {
  const Change changes[] = {
      {"/format_version", 0, "format_version: expected 1, got 0"},
      {"/format_version", "1", "format_version: expected 1, got \"1\""},
      {"/name", "", "name: expected a name"},
      {"/name", "Upper", "name: expected a name"},
      {"/name", "-x", "name: expected a name"},
      {"/name", std::string(65, 'a'), "name: expected a name"},
      {"/family", "siglip", "family: expected \"clip\" or \"lseg\" or \"groupvit\", got \"siglip\""},
      {"/embed_dim", 0, "embed_dim: expected an integer from 1 to 65536, got 0"},
      {"/embed_dim", 65537, "embed_dim"},
      {"/embed_dim", 4.0, "embed_dim: expected an integer"},
      {"/activation", "relu", "activation: expected \"quick_gelu\" or \"gelu\", got \"relu\""},
      {"/text_pooling", "last", "text_pooling: expected \"eot\", got \"last\""},
      {"/probability", "sigmoid", "probability: expected \"softmax\", got \"sigmoid\""},
      {"/extends", "clip", "extends: expected null or an object, got \"clip\""},
      {"/licence", "", "licence: expected a string that is not empty"},
      {"/logit/scale", 0, "logit.scale: expected a positive number, got 0"},
      {"/logit/scale", -1, "logit.scale: expected a positive number, got -1"},
      {"/logit/bias", 1e300, "logit.bias: expected a number in the range of a 32-bit float"},
      {"/preprocess", Json::object(), "preprocess: expected an object of 1 to 64 entries, got 0"},
      {"/preprocess/default/size", {8, 0}, "preprocess.default.size[1]"},
      {"/preprocess/default/size", {4097, 8}, "preprocess.default.size[0]"},
      {"/preprocess/default/size",
       {16, 16},
       "towers.image: expected pixels of [16, 16], the size of preprocess \"default\", got [8, 8]"},
      {"/preprocess/default/geometry", "tile", "\"squash\" or \"longest\", got \"tile\""},
      {"/preprocess/default/geometry", "longest", "preprocess.default.fill: missing"},
      {"/preprocess/default/fill", 0, "fill: expected only with geometry \"longest\""},
      {"/preprocess/default/resize", 7,
       "preprocess.default.resize: expected at least the size, 8, got 7"},
      {"/preprocess/default/resize", 4097, "preprocess.default.resize: expected an integer"},
      {"/preprocess/default/crop", "up", "crop: expected \"half_to_even\" or \"down\""},
      {"/preprocess/default/interpolation", "area", "\"bilinear\" or \"nearest\", got \"area\""},
      {"/preprocess/default/antialias", false,
       "antialias: expected true with arithmetic \"pillow\" or \"torchvision\", got false"},
      {"/preprocess/default/antialias", 1, "antialias: expected true or false, got 1"},
      {"/preprocess/default/arithmetic", "jax", "\"opencv\" or \"torch\", got \"jax\""},
      {"/preprocess/default/arithmetic", "torchvision",
       "rgb: expected \"before\" or \"before_on_white\" with an arithmetic other than \"pillow\", "
       "got \"after\""},
      {"/preprocess/default/arithmetic", "opencv",
       "interpolation: expected \"bilinear\" with arithmetic \"opencv\" or \"torch\""},
      {"/preprocess/default/arithmetic", "torch", "preprocess.default.align_corners: missing"},
      {"/preprocess/default/align_corners", true, "expected only with arithmetic \"torch\""},
      {"/preprocess/default/rgb", "never", "\"before\" or \"before_on_white\", got \"never\""},
      {"/preprocess/default/rescale", "none", "rescale: expected \"div255\" or \"fused\""},
      {"/preprocess/default/channels", "gray", "channels: expected \"rgb\" or \"bgr\""},
      {"/preprocess/default/std", {1, 0, 1}, "std[1]: expected a positive number, got 0"},
      {"/preprocess/default/mean", {1, 2}, "mean: expected an array of 3, got an array of 2"},
      {"/tokenizer/kind", "wordpiece", "tokenizer.kind: expected \"clip_bpe\", got \"wordpiece\""},
      {"/tokenizer/context", 1, "tokenizer.context: expected an integer from 2 to 4096, got 1"},
      {"/tokenizer/context", 4097, "tokenizer.context"},
      {"/tokenizer/start", -1, "tokenizer.start"},
      {"/tokenizer/end", 562, "tokenizer.end: expected start + 1, 563, got 562"},
      {"/tokenizer/pad", 564, "tokenizer.pad: expected an id of at most end, 563, got 564"},
      {"/tokenizer/start", 62, "tokenizer.start: expected an id of at least 512, got 62"},
      {"/tokenizer/pad", 4294967296, "tokenizer.pad"},
      {"/tokenizer/files/merges", "tokenizer/no.txt",
       "tokenizer.files.merges: expected a file that is listed in files, got \"tokenizer/no.txt\""},
      {"/tokenizer/files/merges", "../bpe.txt", "expected a relative path"},
      {"/towers/image/file", "/etc/passwd", "towers.image.file: expected a relative path"},
      {"/towers/image/file", "towers/no.pt", "expected a file that is listed in files"},
      {"/towers/image/dtype", "f16", "towers.image.dtype: expected \"f32\", got \"f16\""},
      {"/towers/text/storage", "bf16", "expected \"f32\" or \"f16\", got \"bf16\""},
      {"/towers/image/methods/forward/inputs/0/shape/1", "x",
       "towers.image.methods.forward.inputs[0].shape[1]: expected a positive integer, got \"x\""},
      {"/towers/image/methods/forward/inputs/0/shape/1", 1, "shape[1]: expected 3, got 1"},
      {"/towers/image/methods/forward/inputs/0/shape/2", 0,
       "expected a positive integer or a symbol, got 0"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "h",
       "expected a positive integer or a symbol [A-Z][A-Za-z0-9]*, alone or as in \"P<=12\", got "
       "\"h\""},
      {"/towers/image/methods/forward/inputs/0/shape/2", "H<=", "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "H<=0", "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "H<=-1", "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "H<=04", "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "H<=4 ", "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "<=4", "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", "H<=4294967296",
       "alone or as in \"P<=12\", got"},
      {"/towers/image/methods/forward/inputs/0/shape/2", 4294967296,
       "a positive integer or a symbol"},
      {"/towers/image/methods/forward/inputs/0/shape/0", "L", "expected \"B\", got \"L\""},
      {"/towers/image/methods/forward/inputs/0/name", "image", "expected \"pixels\""},
      {"/towers/image/methods/forward/outputs/0/shape/1", 5,
       "outputs[0].shape[1]: expected 4 (embed_dim), got 5"},
      {"/towers/image/methods/forward/outputs", Json::array(), "outputs: expected an array of 1"},
      {"/towers/text/methods/forward/inputs/0/dtype", "f32",
       "dtype: expected \"i64\", got \"f32\""},
      {"/towers/text/methods/forward_embedded/inputs/0/shape/2", 7,
       "inputs[0].shape[2]: expected 6 (the width of embeddings), got 7"},
      {"/towers/text/methods/forward_embedded/inputs/1/shape",
       {"B", 1},
       "inputs[1].shape: expected an array of 1, got an array of 2"},
      {"/tasks/segment", Json::object(), "tasks.segment.preprocess: missing"},
      {"/tasks/Segment", Json::object(), "tasks.Segment: expected a name [a-z0-9]"},
      {"/tasks/classify/preprocess", "other",
       "tasks.classify.preprocess: expected a name in preprocess, got \"other\""},
      {"/tasks/classify/heads", Json::array(), "heads: expected an array of 1"},
      {"/tasks/classify/heads/0/type", "", "type: expected a name [a-z0-9][a-z0-9._-]*"},
      {"/tasks/classify/heads/0/parameters",
       {{"x", nullptr}},
       "parameters.x: expected a number, a string, true or false, got null"},
      {"/tasks/classify/heads/0/tensors", "templates.json", "expected a safetensors file"},
      {"/tasks/classify/heads/0/templates", "no.json", "expected a file that is listed in files"},
      {"/tokenizer", nullptr, "towers.text: expected no text tower without a tokenizer"},
      {"/towers/Extra", Json::object(), "towers.Extra: expected a name [a-z0-9]"},
      {"/reference/calls",
       {{{"tower", "x"}, {"method", "y"}}},
       "reference.calls[0].tower: expected a name in towers, got \"x\""},
      {"/reference/calls",
       {{{"tower", "text"}, {"method", "y"}}},
       "calls[0].method: expected a method of towers.text, got \"y\""},
      {"/reference/images", Json::array(), "reference.images: expected an array of 1 to 16"},
      {"/reference/images/0", "reference/9.png", "reference.images[0]: expected a file that is"},
      {"/reference/texts", Json::array(), "reference.texts: expected an array of 1 to 64"},
      {"/reference/tolerance/logit", 0, "reference.tolerance.logit: expected a positive number"},
      {"/files/towers~1image.pt", "sha256:12", "files[\"towers/image.pt\"]: expected \"sha256:\""},
      {"/files/towers~1image.pt", "md5:" + std::string(64, 'a'), "expected \"sha256:\""},
      {"/files/glint.json", "sha256:" + std::string(64, 'a'), "no entry for the manifest itself"},
      {"/files/..~1x", "sha256:" + std::string(64, 'a'), "files[\"../x\"]: expected a relative"},
      {"/files/~1abs", "sha256:" + std::string(64, 'a'), "files[\"/abs\"]: expected a relative"},
      {"/files/a~1.git", "sha256:" + std::string(64, 'a'), "expected a relative path"},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(std::string(change.pointer) + " = " + change.value.dump());
    Json json = sound();
    json[Json::json_pointer(change.pointer)] = change.value;
    expect_error(ErrorCode::kCorruptPackage, change.part, [&] { parse(json); });
  }
}

TEST(ManifestTest, RefusesALaterFormatWhateverElseItHolds) {
  Json json = sound();
  json["format_version"] = 2;
  json["family"] = 7;
  json.erase("towers");
  expect_error(ErrorCode::kUnsupported, "glint.json: expected format_version 1, got 2",
               [&] { parse(json); });
}

TEST(ManifestTest, ReportsAllProblemsAtOnce) {
  Json json = sound();
  json.erase("licence");
  json["embed_dim"] = "x";
  json["towers"]["image"]["file"] = 3;
  json["extra"] = 1;
  const std::string message = problems_of(json);
  EXPECT_TRUE(message.starts_with("glint.json: 4 problems: ")) << message;
  for (const char* part : {"licence: missing", "extra: unknown key",
                           "embed_dim: expected an integer from 1 to 65536, got \"x\"",
                           "towers.image.file: expected a string, got 3"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(ManifestTest, RefusesWhatIsNoObject) {
  for (const char* text : {"[]", "3", "null", "\"x\""}) {
    expect_error(ErrorCode::kCorruptPackage, "m: expected an object",
                 [&] { parse_manifest(test::to_bytes(text), "m"); });
  }
}

TEST(ManifestTest, RefusesMoreThanAMebibyte) {
  const std::string text(std::size_t{1} << 21, ' ');
  expect_error(ErrorCode::kCorruptPackage, "at most 1048576 bytes",
               [&] { parse_manifest(test::to_bytes(text), "m"); });
}

TEST(PathTest, TakesOnlyPlainRelativePaths) {
  for (const char* good : {"a", "a/b/c/d", "a.b-c_D9", "towers/image.pt", "a..b"}) {
    EXPECT_TRUE(is_package_path(good)) << good;
  }
  for (const char* bad : {"", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../b", "a/.b", ".a",
                          "a/b/c/d/e", "a b", "a\\b", "C:x", "a\n", "\xc3\xa9"}) {
    EXPECT_FALSE(is_package_path(bad)) << bad;
  }
}

TEST(ManifestTest, IdsAndPositionsNeedWhatTheyAreCheckedAgainst) {
  const auto port = [](const char* name, const char* dtype, const Json& shape) {
    return Json{{"name", name}, {"dtype", dtype}, {"shape", shape}};
  };
  Json json = sound();
  json["towers"]["more"] = json["towers"]["image"];
  json["towers"]["more"]["methods"] = {
      {"run",
       {{"inputs", {port("eot", "i64", {"B", 2})}}, {"outputs", {port("y", "f32", {"B", 2})}}}}};
  expect_error(ErrorCode::kCorruptPackage,
               "towers.more.methods.run: expected an input with a size \"L\" beside eot",
               [&] { parse(json); });
  auto& inputs = json["towers"]["more"]["methods"]["run"]["inputs"];
  inputs = {port("ids", "i64", {"B", "L"}), port("embedding", "f32", {"K", 7})};
  EXPECT_NO_THROW(parse(json));  // an input may call itself an embedding
  json["tokenizer"] = nullptr;
  json["towers"].erase("text");
  json["reference"]["texts"] = Json::array();
  expect_error(ErrorCode::kCorruptPackage, "expected no input ids", [&] { parse(json); });
}

}  // namespace
}  // namespace glint
