// What the factory of the lseg head refuses, through the registry.
#include "needs_support.h"

namespace glint {
namespace {

using test::expect_error;
using test::Json;
using test::kCorrupt;

const Json kParameters = {{"base_size", 52},    {"crop_size", 48},     {"stride", 32},
                          {"scales", "0.5,1"},  {"flip", true},        {"single_size", 48},
                          {"size_multiple", 8}, {"pad", -1},           {"arch_option", 0},
                          {"block_depth", 0},   {"activation", "relu"}};

// The tiny package with this head, a preprocess as LSeg's and an image tower with a map.
void make(
    const Json& parameters, const std::function<void(Json&)>& change = [](Json&) {}) {
  auto files = test::tiny_package();
  Json manifest = Json::parse(test::manifest_of(files));
  manifest["family"] = "lseg";
  manifest["tasks"]["classify"]["heads"] =
      Json::array({{{"type", "lseg"}, {"parameters", parameters}}});
  Json& preprocess = manifest["preprocess"]["default"];
  preprocess["geometry"] = "squash";
  preprocess["interpolation"] = "bilinear";
  preprocess["arithmetic"] = "torch";
  preprocess["align_corners"] = true;
  preprocess["rgb"] = "before";
  preprocess["antialias"] = false;
  manifest["towers"]["image"]["methods"]["forward"]["outputs"].push_back(
      {{"name", "map"}, {"dtype", "f32"}, {"shape", {"B", 4, "Y", "X"}}});
  change(manifest);
  test::set_manifest(files, manifest.dump());
  make_heads(Package::from_memory(std::move(files)), "classify", {});
}

TEST(LsegNeedsTest, TakesASoundPackage) { EXPECT_NO_THROW(make(kParameters)); }

TEST(LsegNeedsTest, RefusesParametersThatAreMissingLeftOverOrOutOfRange) {
  for (const auto& [name, value] : kParameters.items()) {
    Json without = kParameters;
    without.erase(name);
    expect_error(kCorrupt, "got no " + name, [&] { make(without); });
  }
  Json more = kParameters;
  more["patch"] = 16;
  expect_error(kCorrupt, "got \"patch\" too", [&] { make(more); });
  const std::vector<std::tuple<const char*, Json, const char*>> cases{
      {"size_multiple", 1, "from 2 to 4096, got 1"},
      {"crop_size", 44, "expected a multiple of size_multiple, 8, got 44"},
      {"crop_size", 4, "from 8 to 4096, got 4"},
      {"single_size", 7, "from 8 to 4096, got 7"},
      {"stride", 49, "from 1 to 48, got 49"},  // windows would leave gaps
      {"stride", 0, "from 1 to 48, got 0"},
      {"flip", 1, "got another type"},
      {"scales", "", "separated by commas"},
      {"scales", "1,", "separated by commas"},
      {"scales", "1,,2", "separated by commas"},
      {"scales", "1 2", "separated by commas"},
      {"scales", "0", "separated by commas"},
      {"scales", "-1", "separated by commas"},
      {"scales", "nan", "separated by commas"},
      {"scales", "100", "sides of at most 4096 pixels"},
      {"scales", 1, "got another type"},
      {"pad", "black", "got another type"},
      {"arch_option", 3, "from 0 to 2, got 3"},
      {"block_depth", 65, "from 0 to 64, got 65"},
      {"activation", "gelu", "one of relu, lrelu, tanh, got \"gelu\""},
  };
  for (const auto& [name, value, part] : cases) {
    Json parameters = kParameters;
    parameters[name] = value;
    expect_error(kCorrupt, part, [&] { make(parameters); });
  }
}

TEST(LsegNeedsTest, RefusesOtherPreprocessesTowersAndTensors) {
  expect_error(kCorrupt, "geometry squash and arithmetic torch", [] {
    make(kParameters,
         [](Json& manifest) { manifest["preprocess"]["default"]["geometry"] = "shortest"; });
  });
  expect_error(kCorrupt, "towers.image.forward with the ports of models/lseg.md", [] {
    make(kParameters, [](Json& manifest) {
      manifest["towers"]["image"]["methods"]["forward"]["outputs"].back()["name"] = "features";
    });
  });
  Json blocked = kParameters;
  blocked["arch_option"] = 1;
  expect_error(kCorrupt, "block.weight", [&] { make(blocked); });
}

}  // namespace
}  // namespace glint
