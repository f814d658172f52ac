// Caches of packages that nothing has loaded yet, and that may lack anything.
#include <functional>

#include "adapt/adapt_packages.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::expect_error;
using Json = nlohmann::json;

// adapters.glint with the task "tip" as "classify", its last head changed.
Package with_head(const std::function<void(Json&)>& change) {
  test::Files files = test::read_files(test::kPackages + "adapters.glint");
  Json manifest = Json::parse(test::manifest_of(files));
  Json task = manifest["tasks"]["tip"];
  change(task["heads"].back());
  manifest["tasks"] = {{"classify", task}};
  test::set_manifest(files, manifest.dump());
  return Package::from_memory(files);
}

TEST(ReadCacheTest, IsWhatThePackageHolds) {
  const Package package = test::with_task("adapters.glint", "tip");
  const Cache cache = read_cache(package);
  const HeadSpec& head = package.manifest().tasks.at("classify").heads.back();
  EXPECT_EQ(cache.labels, package.manifest().classes);
  EXPECT_EQ(cache.embed_dim, package.manifest().embed_dim);
  EXPECT_EQ(cache.alpha, std::get<double>(head.parameters.at("alpha")));
  EXPECT_EQ(cache.beta, std::get<double>(head.parameters.at("beta")));
  EXPECT_EQ(cache.keys.size(), package.tensors(head.tensors).at("keys").floats().size());
}

TEST(ReadCacheTest, RefusesAHeadThatLacksItsNumbers) {
  const auto refuse = [](std::string_view part, const std::function<void(Json&)>& change) {
    expect_error(ErrorCode::kCorruptPackage, part, [&] { read_cache(with_head(change)); });
  };
  refuse("alpha", [](Json& head) { head["parameters"].erase("alpha"); });
  refuse("beta", [](Json& head) { head["parameters"]["beta"] = "sharp"; });
  refuse("beta", [](Json& head) { head["parameters"]["beta"] = -1; });
  refuse("keys", [](Json& head) { head["tensors"] = nullptr; });
  refuse("keys", [](Json& head) { head["tensors"] = "tensors/clip_adapter.safetensors"; });
}

TEST(ReadCacheTest, RefusesAPackageWithoutOne) {
  expect_error(ErrorCode::kUnsupported, "tip_adapter",
               [] { read_cache(test::with_task("adapters.glint", "clip_adapter")); });
}

}  // namespace
}  // namespace glint::adapt
