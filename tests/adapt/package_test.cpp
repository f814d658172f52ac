// Caches as packages: what they hold, what they answer, and behind which heads they stand.
#include <glint/verify.h>

#include <cmath>

#include "adapt/adapt_packages.h"
#include "package/edit_package.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using nlohmann::json;
using test::expect_error;
using test::load;
using test::Pictures;
using test::with_task;
using Labels = std::vector<std::string>;

const Labels kLabels{"cat", "hen", "ship"};

// The whole package with its task "classify", loaded once.
const Model& root_model(const std::string& name) {
  static std::map<std::string, Model> loaded;
  auto found = loaded.find(name);
  if (found == loaded.end()) found = loaded.emplace(name, load(with_task(name, "classify"))).first;
  return found->second;
}

const Package& root(const std::string& name) { return root_model(name).package(); }

Cache cache_for(const Model& model, const Labels& labels = kLabels) {
  Pictures::Layout layout;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    layout.push_back({labels[i], {static_cast<int>(i), static_cast<int>(i + 1)}});
  }
  Cache cache = build_cache(encode(model, read_labelled(Pictures(layout).folder())));
  cache.alpha = 2.5;
  cache.beta = 3;
  return cache;
}

// An extension of `name` with the heads of one of its tasks, as the exporter's writer makes one.
Package extension(const std::string& name, const std::string& task, const Labels& classes = {}) {
  const Model& base = root_model(name);
  const Package with = with_cache(base, cache_for(base), {.name = "learned"});
  test::Files files = own_files(with);
  const json golden = json::parse(test::manifest_of(test::read_files(test::kPackages + name)));
  json manifest = json::parse(test::manifest_of(files));
  manifest["tasks"] = {{"classify", golden["tasks"][task]}};
  manifest["logit"] = golden["logit"];
  for (const char* const path : {"tensors/tip_adapter.safetensors", "classes.json"}) {
    files.erase(path);
    manifest["files"].erase(path);
  }
  test::set_manifest(files, manifest.dump());
  if (!classes.empty()) test::set_file(files, "classes.json", test::to_bytes(json(classes).dump()));
  const test::Files whole = test::read_files(test::kPackages + name);
  for (const json& head : golden["tasks"][task]["heads"]) {
    if (!head.contains("tensors") || head["tensors"].is_null()) continue;
    const std::string path = head["tensors"];
    test::set_file(files, path, whole.find(path)->second);
  }
  return Package::from_memory(files, "learned", OpenOptions{.bases = {root(name)}});
}

// The logits that a cache behind the heads of `model` must answer, by label.
std::map<std::string, double> expected(const Model& model, const Cache& cache,
                                       const LabelledFiles& one) {
  const Features seen = encode_with_logits(model, one, {.labels = cache.labels});
  double length = 0;
  for (const float value : seen.values) length += static_cast<double>(value) * value;
  std::map<std::string, double> logits;
  for (std::size_t k = 0; k < cache.labels.size(); ++k) logits[cache.labels[k]] = seen.logits[k];
  const auto dim = static_cast<std::size_t>(cache.embed_dim);
  for (std::size_t n = 0; n < cache.classes.size(); ++n) {
    double near = 0;
    for (std::size_t d = 0; d < dim; ++d) near += cache.keys[n * dim + d] * seen.values[d];
    logits[cache.labels[static_cast<std::size_t>(cache.classes[n])]] +=
        cache.alpha * std::exp(-cache.beta + cache.beta * near / std::sqrt(length));
  }
  return logits;
}

// Of one picture that is in no cache.
void expect_answers(const Model& before, const Model& after, const Cache& cache) {
  const Pictures one({{cache.labels.front(), {7}}});
  const LabelledFiles file{{cache.labels}, {one.folder(cache.labels.front()) + "/7.png"}, {0}};
  const auto wanted = expected(before, cache, file);
  const Image image = load_image(file.files.front());
  PredictOptions options;
  options.task = kTask;
  options.top_k = 0;
  for (const Labels& labels : {cache.labels, Labels{cache.labels[2], cache.labels[0]}}) {
    const TextState text = after.prepare(labels, {}, kTask);
    const auto answer = std::get<Classification>(after.predict(image, text, options));
    ASSERT_EQ(answer.scores.size(), labels.size());
    for (const ClassScore& score : answer.scores) {
      EXPECT_NEAR(score.logit, wanted.at(score.label), 2e-4) << score.label;  // two logits of 1e-4
    }
  }
}

struct Heads {
  const char* package;
  const char* task;
};

class CacheBehindTest : public testing::TestWithParam<Heads> {};

TEST_P(CacheBehindTest, AnswersInAPackageOfItsOwn) {
  const auto& [name, task] = GetParam();
  for (const Package& from : {with_task(name, task), extension(name, task)}) {
    const Model model = load(from);
    const Cache cache = cache_for(model);
    const Package made = with_cache(model, cache, {.name = "mine"});
    ASSERT_TRUE(made.base().has_value());
    EXPECT_FALSE(made.base()->base().has_value());
    EXPECT_EQ(made.manifest().name, "mine");
    EXPECT_EQ(made.manifest().classes, kLabels);
    EXPECT_EQ(made.manifest().logit.scale, 100);
    EXPECT_EQ(made.manifest().tasks.size(), 1U);
    const Model after = load(made);
    expect_answers(model, after, cache);
    EXPECT_TRUE(verify(after).passed()) << task;
    const Cache again = read_cache(made);
    EXPECT_EQ(again.labels, cache.labels);
    EXPECT_EQ(again.keys, cache.keys);
    EXPECT_EQ(again.classes, cache.classes);
    EXPECT_EQ(again.alpha, 2.5);
    EXPECT_EQ(again.beta, 3);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Heads, CacheBehindTest,
    testing::Values(Heads{"adapters.glint", "classify"}, Heads{"adapters.glint", "coop_end"},
                    Heads{"adapters.glint", "clip_adapter"}, Heads{"prompts.glint", "maple_4"},
                    Heads{"prompts.glint", "vpt"}, Heads{"prompts.glint", "cocoop"}),
    [](const auto& heads) { return std::string(heads.param.task); });

TEST(CachePackageTest, HoldsOnlyWhatIsItsOwn) {
  const Model& model = root_model("adapters.glint");
  const Package made = with_cache(model, cache_for(model), {.name = "mine"});
  std::vector<std::string> names;
  for (const auto& [path, bytes] : own_files(made)) names.push_back(path);
  EXPECT_EQ(names, (std::vector<std::string>{"classes.json", "glint.json", "glint.json.sha256",
                                             "reference/vectors.safetensors", "templates.json",
                                             "tensors/tip_adapter.safetensors"}));
  EXPECT_EQ(made.manifest().extends->digest, model.package().digest());
}

TEST(CachePackageTest, TakesOtherTemplates) {
  const Model& model = root_model("adapters.glint");
  const Package made =
      with_cache(model, cache_for(model), {.name = "mine", .templates = {"the {}!", "{}"}});
  EXPECT_EQ(made.manifest().tasks.at(kTask).heads.front().templates,
            (std::vector<std::string>{"the {}!", "{}"}));
  expect_error(ErrorCode::kInvalidArgument, "", [&] {
    with_cache(model, cache_for(model), {.name = "mine", .templates = {"no slot"}});
  });
}

// Contexts that are learned for each class leave no other classes, and no other order.
TEST(CachePackageTest, KeepsTheClassesThatPromptsHaveLearned) {
  const Labels own{"cat",  "white horse",   "crane (bird)", "maillot (tank)",
                   "ship", "traffic light", "café"};
  for (const Package& from :
       {with_task("adapters.glint", "coop_own"), extension("adapters.glint", "coop_own", own)}) {
    const Model model = load(from);
    Cache cache = cache_for(root_model("adapters.glint"), {"cat", "ship", "café"});
    cache.source = {};
    expect_error(ErrorCode::kInvalidArgument, "7 classes that the heads",
                 [&] { with_cache(model, cache, {.name = "mine"}); });
    cache.labels = own;
    const Package made = with_cache(model, cache, {.name = "mine"});
    EXPECT_EQ(made.manifest().classes, own);
    Cache less = remove_class(read_cache(made), "ship");
    expect_error(ErrorCode::kInvalidArgument, "7 classes that the heads",
                 [&] { replace_cache(made, less, "less"); });
    std::swap(cache.labels[0], cache.labels[1]);
    expect_error(ErrorCode::kInvalidArgument, "7 classes that the heads",
                 [&] { with_cache(model, cache, {.name = "mine"}); });
  }
}

// A list of classes that nothing was learned for, one by one, is only where a question begins.
TEST(CachePackageTest, ReplacesAListOfDefaultClasses) {
  for (const auto& [name, task] :
       {std::pair{"adapters.glint", "clip_adapter"}, {"prompts.glint", "maple_4"}}) {
    const Model model = load(extension(name, task, {"moth", "gnat"}));
    const Package made = with_cache(model, cache_for(model), {.name = "mine"});
    EXPECT_EQ(made.manifest().classes, kLabels);
    const Package less = replace_cache(made, remove_class(read_cache(made), "hen"), "less");
    EXPECT_EQ(less.manifest().classes, (Labels{"cat", "ship"}));
  }
}

TEST(CachePackageTest, AClassComesAndGoes) {
  for (const auto& [name, task] :
       {std::pair{"adapters.glint", "classify"}, {"prompts.glint", "maple_2"}}) {
    const Model model = load(extension(name, task));
    const Package made = with_cache(model, cache_for(model), {.name = "mine"});
    const Model known = load(made);
    const Pictures more({{"moth", {5, 6}}});
    const Features seen = encode(known, read_class("moth", more.folder("moth")));
    const Cache added = add_class(read_cache(made), seen);
    const Package bigger = replace_cache(made, added, "bigger");
    EXPECT_EQ(bigger.manifest().classes, (Labels{"cat", "hen", "ship", "moth"}));
    EXPECT_EQ(bigger.manifest().extends->digest, made.manifest().extends->digest);
    expect_answers(model, load(bigger), added);
    const Package back = replace_cache(bigger, remove_class(read_cache(bigger), "moth"), "mine");
    EXPECT_EQ(back.digest(), made.digest());
  }
}

// A package that extends nothing may have a cache too; it becomes a base.
TEST(CachePackageTest, ACacheOfAWholePackageIsReplaced) {
  const Package whole = with_task("adapters.glint", "tip");
  const Package less = replace_cache(whole, remove_class(read_cache(whole), "ship"), "less");
  EXPECT_EQ(less.base()->digest(), whole.digest());
  EXPECT_EQ(less.manifest().classes.size(), 6U);
  EXPECT_TRUE(verify(load(less)).passed());
}

TEST(CachePackageTest, RefusesACacheOfAnotherModel) {
  const Model& model = root_model("adapters.glint");
  const Model& prompts = root_model("prompts.glint");
  expect_error(ErrorCode::kInvalidArgument,
               "a cache of this model, got one that another image tower",
               [&] { with_cache(model, cache_for(prompts), {.name = "mine"}); });
  const Model adapted = load(with_task("adapters.glint", "clip_adapter"));
  expect_error(ErrorCode::kInvalidArgument, "other heads",
               [&] { with_cache(model, cache_for(adapted), {.name = "mine"}); });
  const Package made = with_cache(model, cache_for(model), {.name = "mine"});
  expect_error(ErrorCode::kInvalidArgument, "another image tower",
               [&] { replace_cache(made, cache_for(prompts), "other"); });
  Cache narrow = cache_for(model);
  narrow.source = {};
  narrow.embed_dim = 4;
  narrow.keys.resize(narrow.classes.size() * 4);
  expect_error(ErrorCode::kInvalidArgument, "keys of 8 numbers",
               [&] { with_cache(model, narrow, {.name = "mine"}); });
}

TEST(CachePackageTest, RefusesPackagesThatDoNotFit) {
  const Model& model = root_model("adapters.glint");
  const Cache cache = cache_for(model);
  for (const char* const name : {"", "Mine", "a b", ".x"}) {
    expect_error(ErrorCode::kInvalidArgument, "package name",
                 [&] { with_cache(model, cache, {.name = name}); });
  }
  expect_error(ErrorCode::kInvalidArgument, "another name than the base's",
               [&] { with_cache(model, cache, {.name = "adapters"}); });
  const Package made = with_cache(model, cache, {.name = "mine"});
  expect_error(ErrorCode::kUnsupported, "a package without a cache",
               [&] { with_cache(load(made), cache, {.name = "two"}); });
  expect_error(ErrorCode::kUnsupported, "ends in a head \"tip_adapter\"",
               [&] { read_cache(root("adapters.glint")); });
  expect_error(ErrorCode::kUnsupported, "ends in a head \"tip_adapter\"",
               [&] { replace_cache(root("adapters.glint"), cache, "two"); });
  Cache garbled = cache;
  garbled.labels[1] = "\xff";
  expect_error(ErrorCode::kInvalidArgument, "UTF-8",
               [&] { with_cache(model, garbled, {.name = "mine"}); });
}

}  // namespace
}  // namespace glint::adapt
