// What the factory of the groupvit head refuses, through the registry.
#include "needs_support.h"

namespace glint {
namespace {

using test::expect_error;
using test::Files;
using test::Json;
using test::kCorrupt;

Json port(const std::string& name, const Json& shape) {
  return {{"name", name}, {"dtype", "f32"}, {"shape", shape}};
}

Json groups_method() {
  Json method;
  method["inputs"] = Json::array({port("pixels", {"B", 3, "H", "W"})});
  method["outputs"] =
      Json::array({port("embedding", {"B", 4}), port("tokens", {"B", 5, 4}),
                   port("assignment_0", {"B", 7, "N"}), port("assignment_1", {"B", 5, 7})});
  return method;
}

const Json kParameters = {{"short_side", 48},
                          {"long_side", 160},
                          {"crop_size", 48},
                          {"stride", 24},
                          {"top_classes", 5},
                          {"background", "background"},
                          {"background_threshold", 0.95},
                          {"patch", 8}};

// The tiny package with this head, a preprocess that squashes and an image tower with groups.
void make(
    const Json& parameters, const std::function<void(Json&)>& change = [](Json&) {}) {
  Json head = {{"type", "groupvit"}, {"parameters", parameters}};
  auto files = test::tiny_package();
  Json manifest = Json::parse(test::manifest_of(files));
  manifest["family"] = "groupvit";
  manifest["tasks"]["classify"]["heads"] = Json::array({head});
  manifest["preprocess"]["default"]["geometry"] = "squash";
  manifest["towers"]["image"]["methods"]["groups"] = groups_method();
  change(manifest);
  test::set_manifest(files, manifest.dump());
  make_heads(Package::from_memory(std::move(files)), "classify", {});
}

TEST(GroupVitNeedsTest, TakesASoundPackage) { EXPECT_NO_THROW(make(kParameters)); }

TEST(GroupVitNeedsTest, RefusesParametersThatAreMissingLeftOverOrOutOfRange) {
  for (const auto& [name, value] : kParameters.items()) {
    Json without = kParameters;
    without.erase(name);
    expect_error(kCorrupt, "got no " + name, [&] { make(without); });
  }
  Json more = kParameters;
  more["flip"] = true;
  expect_error(kCorrupt, "got \"flip\" too", [&] { make(more); });
  const std::vector<std::tuple<const char*, Json, const char*>> cases{
      {"patch", 0, "that is whole, from 1 to 4096, got 0"},
      {"patch", 8.5, "that is whole"},
      {"patch", "8", "got another type"},
      {"short_side", 7, "from 8 to 4096, got 7"},
      {"long_side", 47, "from 48 to 4096, got 47"},
      {"crop_size", 7, "from 8 to 4096, got 7"},
      {"stride", 0, "from 1 to 48, got 0"},
      {"stride", 49, "from 1 to 48, got 49"},  // windows would leave gaps
      {"top_classes", 0, "top_classes"},
      {"background_threshold", -0.1, "from 0 to 1, got -0.1"},
      {"background_threshold", 1.5, "from 0 to 1, got 1.5"},
      {"background", true, "parameters.background: expected a string, got another type"}};
  for (const auto& [name, value, part] : cases) {
    Json changed = kParameters;
    changed[name] = value;
    expect_error(kCorrupt, part, [&] { make(changed); });
  }
}

TEST(GroupVitNeedsTest, RefusesAPackageThatCannotServeIt) {
  expect_error(kCorrupt, "to have a method groups, got one without", [] {
    make(kParameters, [](Json& json) { json["towers"]["image"]["methods"].erase("groups"); });
  });
  expect_error(kCorrupt, "expected towers.image.groups with the ports of models/groupvit.md", [] {
    make(kParameters,
         [](Json& json) { json["towers"]["image"]["methods"]["groups"]["outputs"].erase(3); });
  });
  expect_error(kCorrupt, "geometry squash", [] {
    make(kParameters, [](Json& json) { json["preprocess"]["default"]["geometry"] = "shortest"; });
  });
  expect_error(kCorrupt, "as the first one", [] {
    make(kParameters, [](Json& json) {
      Json& heads = json["tasks"]["classify"]["heads"];
      heads.insert(heads.begin(), Json{{"type", "zero_shot"}});
    });
  });
}

TEST(ZeroShotNeedsTest, TakesItsParameterOnly) {
  const auto with = [](const Json& parameters) {
    test::make(Json::array({{{"type", "zero_shot"}, {"parameters", parameters}}}),
               test::TensorFile().floats("unused", {1}));
  };
  EXPECT_NO_THROW(with(Json::object()));
  EXPECT_NO_THROW(with({{"normalise_templates", false}}));
  expect_error(kCorrupt, "parameters.normalise_templates: expected true or false, got another type",
               [&] {
                 with({{"normalise_templates", "no"}});
               });
  expect_error(kCorrupt, "expected parameters none, got \"normalize\" too", [&] {
    with({{"normalize", false}});
  });
}

}  // namespace
}  // namespace glint
