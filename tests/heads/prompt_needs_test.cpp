// What the factories of CoCoOp and MaPLe refuse, through the registry.
#include <limits>

#include "core/check.h"
#include "needs_support.h"

namespace glint {
namespace {

using test::expect_error;
using test::Files;
using test::head;
using test::Json;
using test::kCorrupt;
using test::kZeroShot;
using test::make;
using test::Shape;
using test::TensorFile;

Json port(const char* name, const char* dtype, const Json& shape) {
  return {{"name", name}, {"dtype", dtype}, {"shape", shape}};
}

Json method(const Json& inputs, const Json& outputs) {
  return {{"inputs", inputs}, {"outputs", outputs}};
}

const Json kEmbedding = port("embedding", "f32", {"B", 4});
const Json kEmbeddings = port("embeddings", "f32", {"B", "L", 6});
const Json kEot = port("eot", "i64", {"B"});

// Towers of three layers that take prompts, and 2 heads of 3 numbers in the text tower.
void add_methods(Files&, Json& manifest) {
  Json& image = manifest["towers"]["image"]["methods"];
  Json& text = manifest["towers"]["text"]["methods"];
  const Json embedding = Json::array({kEmbedding}), pixels = image["forward"]["inputs"][0];
  const auto prompts = [](int width) { return port("prompts", "f32", {"P<=3", "N", width}); };
  const auto prefix = [](const char* name, const Json& shape) { return port(name, "f32", shape); };
  const Json made{"B", 3, 2, "L", 3}, used{3, 2, "P", 3};
  image["forward_prompted"] = method(Json::array({pixels, prompts(5)}), embedding);
  text["forward_prompted"] = method(Json::array({kEmbeddings, kEot, prompts(6)}), embedding);
  text["encode_prefix"] = method(Json::array({kEmbeddings}),
                                 Json::array({prefix("keys", made), prefix("values", made)}));
  text["forward_suffix"] = method(
      Json::array({kEmbeddings, kEot, prefix("keys", used), prefix("values", used)}), embedding);
}

void add_meta_net(Files& files, Json& manifest, const Json& shift) {
  const std::string path = "towers/meta_net.pt";
  test::set_manifest(files, manifest.dump());
  test::set_file(files, path, test::make_archive(test::tower_entries(test::tower_code())));
  manifest = Json::parse(test::manifest_of(files));
  manifest["towers"]["meta_net"] = {
      {"file", path},
      {"dtype", "f32"},
      {"storage", "f32"},
      {"methods", {{"forward", method(Json::array({kEmbedding}), Json::array({shift}))}}}};
}

const Json kShift = port("shift", "f32", {"B", 6});

void make_cocoop(const TensorFile& tensors, const Json& parameters = Json::object(),
                 const Json& shift = kShift) {
  make(Json::array({head("cocoop", parameters)}), tensors, [&](Files& files, Json& manifest) {
    add_methods(files, manifest);
    add_meta_net(files, manifest, shift);
  });
}

TEST(CocoopNeedsTest, TakesASharedContext) {
  EXPECT_NO_THROW(make_cocoop(TensorFile().floats("context", {1, 6})));
  EXPECT_NO_THROW(make_cocoop(TensorFile().floats("context", {5, 6})));
}

TEST(CocoopNeedsTest, RefusesAContextThatDoesNotFit) {
  expect_error(kCorrupt, "heads[0]: expected tensor context f32 [any, 6], got f32 [3, 5]", [] {
    make_cocoop(TensorFile().floats("context", {3, 5}));
  });
  expect_error(kCorrupt, "[any, 6], got f32 [2, 3, 6]", [] {
    make_cocoop(TensorFile().floats("context", {2, 3, 6}));
  });
  expect_error(kCorrupt, "expected a context of at most 5 vectors", [] {
    make_cocoop(TensorFile().floats("context", {6, 6}));
  });
  expect_error(kCorrupt, "expected finite numbers in tensor context", [] {
    make_cocoop(TensorFile().floats("context", {3, 6}, std::numeric_limits<float>::quiet_NaN()));
  });
  expect_error(kCorrupt, "expected tensors context, got \"token_suffix\" too", [] {
    make_cocoop(TensorFile().floats("context", {3, 6}).floats("token_suffix", {2, 4, 6}));
  });
  expect_error(kCorrupt, "expected parameters none, got \"network\" too", [] {
    make_cocoop(TensorFile().floats("context", {3, 6}), {{"network", "meta_net"}});
  });
}

TEST(CocoopNeedsTest, RefusesTowersThatItCannotCall) {
  const auto context = TensorFile().floats("context", {3, 6});
  const Json heads = Json::array({head("cocoop", Json::object())});
  expect_error(kCorrupt,
               "expected the text tower to have a method encode_prefix, got one without; an older "
               "package of a transformer gets it when it is exported again",
               [&] { make(heads, context); });
  expect_error(kCorrupt, "expected a tower meta_net with a method forward, got no such tower",
               [&] { make(heads, context, add_methods); });
  expect_error(kCorrupt,
               "expected shifts of the text tower's 6 numbers from the tower meta_net, "
               "got 5",
               [&] {
                 make_cocoop(context, Json::object(), port("shift", "f32", {"B", 5}));
               });
  expect_error(kCorrupt, "towers.meta_net.forward with the ports of models/cocoop.md, got others",
               [&] {
                 make_cocoop(context, Json::object(), port("bias", "f32", {"B", 6}));
               });
  expect_error(kCorrupt, "towers.text.forward_suffix with the ports of models/cocoop.md", [&] {
    make(heads, context, [](Files& files, Json& manifest) {
      add_methods(files, manifest);
      manifest["towers"]["text"]["methods"]["forward_suffix"]["inputs"].erase(3);
    });
  });
  expect_error(kCorrupt, "towers.text.encode_prefix with the ports of models/cocoop.md", [&] {
    make(heads, context, [](Files& files, Json& manifest) {
      add_methods(files, manifest);
      manifest["towers"]["text"]["methods"]["encode_prefix"]["outputs"][0]["shape"] = {"B", 3};
    });
  });
  expect_error(kCorrupt, "heads[1]: expected a head of type cocoop as the first one", [&] {
    make(Json::array({kZeroShot, head("cocoop", Json::object())}), context);
  });
}

TEST(CocoopNeedsTest, RefusesTemplates) {
  Json with_templates = head("cocoop", Json::object());
  with_templates["templates"] = "templates.json";
  expect_error(kCorrupt, "expected no templates for a head of type cocoop, got 2", [&] {
    make(Json::array({with_templates}), TensorFile().floats("context", {3, 6}));
  });
}

const Json kName = {{"template", "{}."}};

void make_maple(const TensorFile& tensors, const Json& parameters = kName) {
  make(Json::array({head("maple", parameters)}), tensors, add_methods);
}

TEST(MapleNeedsTest, TakesPromptsOfAnyNumberAndOfEveryDepthThatTheTowersHave) {
  for (const std::int64_t depth : {1, 2, 3}) {
    for (const std::int64_t count : {1, 2, 4}) {
      const auto text = TensorFile().floats("text_prompts", {depth, count, 6});
      EXPECT_NO_THROW(make_maple(text));
      const Shape shape{depth, count, 5};
      EXPECT_NO_THROW(make_maple(TensorFile().floats("image_prompts", shape)));
      EXPECT_NO_THROW(make_maple(TensorFile(text).floats("image_prompts", shape)));
    }
  }
}

// Never ignored: a tower would answer something else without a word.
TEST(MapleNeedsTest, RefusesMoreDepthThanTheTowersHave) {
  expect_error(
      kCorrupt,
      "heads[0]: expected text_prompts of at most 3 layers, as many as the tower has, got 4", [] {
        make_maple(TensorFile().floats("text_prompts", {4, 2, 6}));
      });
  expect_error(kCorrupt, "expected image_prompts of at most 3 layers", [] {
    make_maple(TensorFile().floats("image_prompts", {4, 2, 5}));
  });
  // A tower that does not say how many it has might ignore the rest.
  expect_error(kCorrupt,
               "expected the port prompts of towers.image.forward_prompted to say how "
               "many layers there are, as in \"P<=12\", got prompts f32 [P, N, 5]",
               [] {
                 make(Json::array({head("maple", kName)}),
                      TensorFile().floats("image_prompts", {1, 2, 5}),
                      [](Files& files, Json& manifest) {
                        add_methods(files, manifest);
                        Json& image = manifest["towers"]["image"]["methods"]["forward_prompted"];
                        image["inputs"][1]["shape"][0] = "P";
                      });
               });
}

TEST(MapleNeedsTest, RefusesPromptsThatDoNotFit) {
  expect_error(kCorrupt, "expected tensor text_prompts f32 [any, any, 6], got f32 [1, 2, 5]", [] {
    make_maple(TensorFile().floats("text_prompts", {1, 2, 5}));
  });
  expect_error(kCorrupt, "expected tensor image_prompts f32 [any, any, 5], got f32 [2, 5]", [] {
    make_maple(TensorFile().floats("image_prompts", {2, 5}));
  });
  expect_error(kCorrupt, "expected a context of at most 5 vectors", [] {
    make_maple(TensorFile().floats("text_prompts", {1, 6, 6}));
  });
  expect_error(kCorrupt, "expected finite numbers in tensor image_prompts", [] {
    make_maple(
        TensorFile().floats("image_prompts", {1, 1, 5}, std::numeric_limits<float>::infinity()));
  });
}

TEST(MapleNeedsTest, RefusesTowersThatTakeNoPrompts) {
  const Json heads = Json::array({head("maple", kName)});
  for (const auto& [tower, tensors] :
       {std::pair("text", TensorFile().floats("text_prompts", {1, 2, 6})),
        std::pair("image", TensorFile().floats("image_prompts", {1, 2, 5}))}) {
    expect_error(kCorrupt,
                 cat("expected the ", tower, " tower to have a method forward_prompted, got one"),
                 [&] { make(heads, tensors); });
  }
}

TEST(MapleNeedsTest, RefusesWhatItWouldIgnoreAndWhatIsMissing) {
  const auto prompts = TensorFile().floats("text_prompts", {1, 2, 6});
  expect_error(kCorrupt, "expected some of the tensors text_prompts, image_prompts, got none",
               [] { make_maple(TensorFile()); });
  expect_error(kCorrupt, "expected tensors text_prompts, image_prompts, got \"proj\" too", [&] {
    make_maple(TensorFile(prompts).floats("proj", {5, 6}));
  });
  expect_error(kCorrupt, "expected parameters template, got no template",
               [&] { make_maple(prompts, Json::object()); });
  expect_error(kCorrupt, "expected parameters template, got \"depth\" too", [&] {
    make_maple(prompts, {{"template", "{}."}, {"depth", 1}});
  });
  expect_error(kCorrupt, "parameters.template: expected a template with one {}, got \"of a .\"",
               [&] {
                 make_maple(prompts, {{"template", "of a ."}});
               });
  expect_error(kCorrupt, "parameters.template: expected a template with one {}, got another type",
               [&] {
                 make_maple(prompts, {{"template", 3}});
               });
  expect_error(kCorrupt, "heads[1]: expected a head of type maple as the first one", [&] {
    make(Json::array({kZeroShot, head("maple", kName)}), prompts);
  });
  Json with_templates = head("maple", kName);
  with_templates["templates"] = "templates.json";
  expect_error(kCorrupt, "expected no templates for a head of type maple, got 2",
               [&] { make(Json::array({with_templates}), prompts); });
}

}  // namespace
}  // namespace glint
