// Which heads a task gets.
#include "heads/registry.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"
#include "support/silent_head.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using Json = nlohmann::ordered_json;
using test::expect_error;

// The tiny package with other heads in its task.
Package package_with(const Json& heads) {
  auto files = test::tiny_package();
  Json manifest = Json::parse(test::manifest_of(files));
  manifest["tasks"]["classify"]["heads"] = heads;
  test::set_manifest(files, manifest.dump());
  return Package::from_memory(std::move(files));
}

// Remembers what it was made from.
class EchoHead final : public test::SilentHead {
 public:
  explicit EchoHead(const HeadContext& context)
      : spec(context.spec), preprocess(context.task.preprocess), inner(context.inner) {}
  HeadSpec spec;
  std::string preprocess;
  std::shared_ptr<const Head> inner;
};

const HeadFactories kOwn = {
    {"echo", [](const HeadContext& context) { return std::make_shared<const EchoHead>(context); }}};

TEST(RegistryTest, MakesTheHeadsThatTheManifestNames) {
  EXPECT_NE(make_heads(package_with({{{"type", "zero_shot"}}}), "classify", {}), nullptr);
}

TEST(RegistryTest, PutsEachHeadAroundTheOneBeforeIt) {
  const Json heads = {{{"type", "zero_shot"}, {"templates", "templates.json"}},
                      {{"type", "echo"},
                       {"parameters", {{"alpha", 0.5}, {"mode", "end"}, {"on", true}}},
                       {"tensors", "reference/vectors.safetensors"}}};
  const auto head = make_heads(package_with(heads), "classify", kOwn);
  const auto& echo = dynamic_cast<const EchoHead&>(*head);
  EXPECT_NE(echo.inner, nullptr);
  EXPECT_EQ(echo.preprocess, "default");
  EXPECT_EQ(std::get<double>(echo.spec.parameters.at("alpha")), 0.5);
  EXPECT_EQ(std::get<std::string>(echo.spec.parameters.at("mode")), "end");
  EXPECT_TRUE(std::get<bool>(echo.spec.parameters.at("on")));
  EXPECT_EQ(echo.spec.tensors, "reference/vectors.safetensors");
  EXPECT_EQ(echo.spec.templates, (std::vector<std::string>{"{}"}));
}

TEST(RegistryTest, RefusesUnknownTypesAndOnesItHasItself) {
  const Package echo = package_with({{{"type", "echo"}}});
  expect_error(ErrorCode::kUnsupported,
               "tasks.classify.heads[0]: expected a head of a type known here (\"clip_adapter\", "
               "\"cocoop\", \"coop\", \"groupvit\", \"lseg\", \"maple\", \"tip_adapter\", "
               "\"zero_shot\"), got \"echo\"",
               [&] { make_heads(echo, "classify", {}); });
  expect_error(ErrorCode::kInvalidArgument, "got \"zero_shot\"", [&] {
    make_heads(echo, "classify", {{"zero_shot", kOwn.at("echo")}});
  });
  expect_error(ErrorCode::kInvalidArgument, "expected a factory of \"echo\"", [&] {
    make_heads(echo, "classify", {{"echo", nullptr}});
  });
  expect_error(ErrorCode::kInvalidArgument, "the factory gave none", [&] {
    make_heads(echo, "classify", {{"echo", [](const HeadContext&) { return nullptr; }}});
  });
}

TEST(RegistryTest, ZeroShotTakesNothingThatItWouldIgnore) {
  const auto make = [](const Json& heads) { make_heads(package_with(heads), "classify", kOwn); };
  const auto corrupt = ErrorCode::kCorruptPackage;
  expect_error(corrupt, "expected parameters none, got \"alpha\" too", [&] {
    make({{{"type", "zero_shot"}, {"parameters", {{"alpha", 1}}}}});
  });
  expect_error(corrupt, "heads[1]: expected a head of type zero_shot as the first", [&] {
    make({{{"type", "echo"}}, {{"type", "zero_shot"}}});
  });
}

}  // namespace
}  // namespace glint
