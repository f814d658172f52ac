// Caches that leave the package they were made in, and packages with heads of the application's
// own.
#include <glint/verify.h>

#include "adapt/cache_packages.h"
#include "package/safetensors.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::cache_for;
using test::expect_answers;
using test::expect_error;
using test::extension;
using test::kLabels;
using test::kPackages;
using test::load;
using test::root_model;
using test::with_task;
using Json = nlohmann::json;

// The package `name` with `task` as in with_task, its manifest changed.
template <typename Change>
Package changed(const std::string& name, const std::string& task, const Change& change) {
  test::Files files = test::read_files(kPackages + name);
  auto manifest = Json::parse(test::manifest_of(files));
  manifest["tasks"] = {{"classify", manifest["tasks"][task]}};
  change(manifest, files);
  test::set_manifest(files, manifest.dump());
  return Package::from_memory(files, name);
}

// `cache` as a package of it that is read again, as `glint adapt` finds it.
Cache read_again(const Model& model, const Cache& cache) {
  return read_cache(with_cache(model, cache, {.name = "first"}));
}

// What is learned for the words, and the cache itself, are no part of what made the keys.
TEST(MovedCacheTest, GoesBehindOtherHeadsOfTheSameImageTower) {
  const Model& plain = root_model("adapters.glint");
  const Cache cache = read_again(plain, cache_for(plain));
  EXPECT_EQ(cache.source, cache_for(plain).source);
  for (const char* const task : {"classify", "coop_end", "coop_middle"}) {
    const Model other = load(extension("adapters.glint", task));
    const Package made = with_cache(other, cache, {.name = "moved"});
    EXPECT_EQ(read_cache(made).keys, cache.keys);
    expect_answers(other, load(made), cache);
  }
  const Model coop = load(extension("adapters.glint", "coop_end"));
  const Package second = with_cache(coop, cache_for(coop, {"hen", "ship"}), {.name = "second"});
  EXPECT_EQ(read_cache(replace_cache(second, cache, "third")).labels, kLabels);
}

TEST(MovedCacheTest, IsRefusedByHeadsThatChangeWhatTheTowerSays) {
  const Model& plain = root_model("adapters.glint");
  const Model adapted = load(extension("adapters.glint", "clip_adapter"));
  const Cache cache = read_again(plain, cache_for(plain));
  const Cache behind = read_again(adapted, cache_for(adapted));
  for (const auto& [model, other] : {std::pair{adapted, cache}, {plain, behind}}) {
    expect_error(ErrorCode::kInvalidArgument, "a cache of this model, got one that other heads",
                 [&] { with_cache(model, other, {.name = "moved"}); });
  }
  const Model& prompts = root_model("prompts.glint");
  const Cache unprompted = read_again(prompts, cache_for(prompts));
  for (const char* const task : {"maple_4", "vpt", "ivlp"}) {
    expect_error(ErrorCode::kInvalidArgument, "other heads", [&] {
      with_cache(load(extension("prompts.glint", task)), unprompted, {.name = "moved"});
    });
  }
  const Model maple = load(extension("prompts.glint", "maple_4"));
  const Model vpt = load(extension("prompts.glint", "vpt"));
  expect_error(ErrorCode::kInvalidArgument, "other heads",
               [&] { with_cache(vpt, cache_for(maple), {.name = "moved"}); });
  EXPECT_NO_THROW(with_cache(maple, read_again(maple, cache_for(maple)), {.name = "moved"}));
}

// Prompts of the text tower change no key.
TEST(MovedCacheTest, GoesBehindPromptsOfTheTextTower) {
  const Model& prompts = root_model("prompts.glint");
  const Cache cache = read_again(prompts, cache_for(prompts));
  for (const char* const task : {"cocoop", "ivlp_text"}) {
    const Model other = load(extension("prompts.glint", task));
    expect_answers(other, load(with_cache(other, cache, {.name = "moved"})), cache);
  }
}

TEST(MovedCacheTest, IsRefusedByAnotherTowerOrPreprocessing) {
  const Model& plain = root_model("adapters.glint");
  const Cache cache = cache_for(plain);
  expect_error(ErrorCode::kInvalidArgument, "another image tower",
               [&] { with_cache(root_model("prompts.glint"), cache, {.name = "moved"}); });
  const Model other = load(changed("adapters.glint", "classify", [](Json& manifest, test::Files&) {
    manifest["preprocess"]["default"]["mean"][1] = 0.25;
  }));
  expect_error(ErrorCode::kInvalidArgument, "another preprocessing",
               [&] { with_cache(other, cache, {.name = "moved"}); });
  const Package made = with_cache(plain, cache, {.name = "first"});
  expect_error(ErrorCode::kInvalidArgument, "another preprocessing",
               [&] { replace_cache(made, cache_for(other), "moved"); });
}

// Features of a package with a cache make keys, but their logits would hold votes already.
TEST(MovedCacheTest, LogitsWithVotesAreNotSearchedAgain) {
  const Model& plain = root_model("adapters.glint");
  const Cache cache = cache_for(plain);
  const Model with = load(with_cache(plain, cache, {.name = "first"}));
  const test::Pictures folder;
  const LabelledFiles pictures = read_labelled(folder.folder());
  const TextQuery words{.labels = cache.labels};
  expect_error(ErrorCode::kUnsupported, "logits of heads without a cache",
               [&] { encode_with_logits(with, pictures, words); });
  EXPECT_NO_THROW(search(read_cache(with.package()), encode_with_logits(plain, pictures, words)));
}

// An extension that records pictures and texts keeps them true when its scale becomes 100.
TEST(RescaledReferenceTest, HoldsAtTheScaleOfCaches) {
  const Package base = with_task("adapters.glint", "classify");
  const Package golden = changed("adapters.glint", "coop_end", [](Json&, test::Files&) {});
  test::Files files = own_files(with_cache(
      root_model("adapters.glint"), cache_for(root_model("adapters.glint")), {.name = "learned"}));
  auto manifest = Json::parse(test::manifest_of(files));
  const auto whole = Json::parse(test::manifest_of(own_files(golden)));
  manifest["reference"] = whole["reference"];
  manifest["tasks"] = whole["tasks"];
  files.erase("tensors/tip_adapter.safetensors");
  manifest["files"].erase("tensors/tip_adapter.safetensors");
  manifest["logit"] = {{"scale", 12.5}, {"bias", -3.0}};
  test::set_manifest(files, manifest.dump());
  for (const auto& [path, bytes] : own_files(golden)) {
    if (path.starts_with("reference/") || path == "tensors/coop_end.safetensors") {
      test::set_file(files, path, bytes);
    }
  }
  StoredTensors vectors = parse_safetensors(golden.file("reference/vectors.safetensors"), "");
  auto logits = stored_floats(vectors.at("logits"));
  for (float& value : logits) value = value / 8 - 3;  // the golden's have scale 100
  vectors.at("logits").bytes = std::as_bytes(std::span(logits));
  test::set_file(files, "reference/vectors.safetensors", make_safetensors(vectors, {}));

  const Model model = load(Package::from_memory(files, "learned", OpenOptions{.bases = {base}}));
  ASSERT_TRUE(verify(model).passed());
  const Model after = load(with_cache(model, cache_for(model), {.name = "mine"}));
  EXPECT_EQ(after.manifest().logit.scale, 100);
  const VerifyReport report = verify(after);
  EXPECT_EQ(report.stages.size(), 5U);
  for (const VerifyStage& stage : report.stages) {
    EXPECT_TRUE(stage.passed) << stage.name << " " << stage.difference << " at " << stage.where;
  }
}

// An application's head: what the one before it says of a picture, turned round.
class Turned final : public Head {
 public:
  explicit Turned(std::shared_ptr<const Head> inner) : inner_(std::move(inner)) {}
  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    return inner_->prepare(query, towers);
  }
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override {
    return turned(inner_->encode(images, towers, options));
  }
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override {
    return turned(inner_->encode_pixels(pixels, towers, options));
  }
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    return inner_->predict(image, text, towers, options);
  }

 private:
  static std::vector<ImageState> turned(std::vector<ImageState> states) {
    for (ImageState& state : states) {
      std::vector<float> row(state.embedding.floats().begin(), state.embedding.floats().end());
      std::ranges::reverse(row);
      state.embedding = Tensor::from({static_cast<std::int64_t>(row.size())}, row);
    }
    return states;
  }
  std::shared_ptr<const Head> inner_;
};

const HeadFactories kOwn{{"turned", [](const HeadContext& context) {
                            return std::make_shared<const Turned>(context.inner);
                          }}};

class OwnHeadTest : public testing::Test {
 protected:
  static Model loaded(const HeadFactories& heads = kOwn) {
    ModelOptions options;
    options.threads = 1;
    options.heads = heads;
    return Model::load(
        changed("adapters.glint", "classify",
                [](Json& manifest, test::Files&) {
                  manifest["tasks"]["classify"]["heads"].push_back({{"type", "turned"}});
                }),
        options);
  }
  static Model reloaded(const Package& package) {
    ModelOptions options;
    options.threads = 1;
    options.heads = kOwn;
    return Model::load(package, options);
  }
};

TEST_F(OwnHeadTest, ACacheStandsBehindIt) {
  const Model model = loaded();
  const Cache cache = cache_for(model);
  EXPECT_NE(cache.source.heads, cache_for(root_model("adapters.glint")).source.heads);
  const Package made = with_cache(model, cache, {.name = "mine"});
  expect_answers(model, reloaded(made), cache);
  const Cache fewer = remove_class(read_cache(made), "hen");
  const Package less = replace_cache(made, fewer, "less", kOwn);
  EXPECT_EQ(reloaded(less).manifest().classes, (test::Labels{"cat", "ship"}));
}

TEST_F(OwnHeadTest, IsNamedWhereNothingKnowsIt) {
  const Model model = loaded();
  const Package made = with_cache(model, cache_for(model), {.name = "mine"});
  expect_error(ErrorCode::kUnsupported, "tasks.classify.heads[1]: expected a head of a type known",
               [&] { replace_cache(made, read_cache(made), "less"); });
}

TEST_F(OwnHeadTest, MayRefuseTheClassesOfTheCache) {
  const HeadFactories picky{{"turned", [](const HeadContext& context) {
                               if (context.package.manifest().classes == kLabels) {
                                 throw Error(ErrorCode::kCorruptPackage, "no hens here");
                               }
                               return std::make_shared<const Turned>(context.inner);
                             }}};
  const Model model = loaded(picky);
  const Cache cache = cache_for(model);
  expect_error(ErrorCode::kCorruptPackage, "tasks.classify.heads[1]: no hens here",
               [&] { with_cache(model, cache, {.name = "mine"}); });
}

// A package that nothing has loaded may lack what the heads before its cache have learned.
TEST(ReplaceCacheTest, NamesAMissingContext) {
  const Package lacking = changed("adapters.glint", "coop_tip", [](Json& manifest, test::Files&) {
    manifest["tasks"]["classify"]["heads"][0]["tensors"] = "tensors/clip_adapter.safetensors";
  });
  expect_error(ErrorCode::kCorruptPackage, "tasks.classify.heads[0]: expected tensors context",
               [&] { replace_cache(lacking, read_cache(lacking), "less"); });
}

}  // namespace
}  // namespace glint::adapt
