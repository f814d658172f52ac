// Caches as packages: what they hold, what they answer, and behind which heads they stand.
#include <glint/verify.h>

#include "adapt/cache_packages.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::cache_for;
using test::expect_answers;
using test::expect_error;
using test::extension;
using test::kLabels;
using test::load;
using test::Pictures;
using test::root;
using test::root_model;
using test::with_task;
using Labels = test::Labels;

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
