// CoOp, CLIP-Adapter and Tip-Adapter against what their released code answers
// (tests/golden/make_adapters.py), in one small package.
#include "golden_package.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"

namespace glint {
namespace {

using test::answers_of;
using test::everything;
using test::expect_error;
using test::expect_logits;
using test::Json;
using test::Labels;
using test::logits_of;

const std::string kPackage = test::kGolden + "/packages/adapters.glint";

const Json& golden() {
  static const Json loaded = test::read_golden("adapters.json");
  return loaded;
}

const Model& model() {
  static const Model loaded = Model::load(kPackage);
  return loaded;
}

std::vector<Image> pictures() { return test::pictures_of(model()); }

class AdapterParityTest : public testing::TestWithParam<std::int64_t> {};

// Of eight pictures.
TEST_P(AdapterParityTest, AnswersAsTheReleasedCodeInAnyBatch) {
  ModelOptions options;
  options.max_batch = GetParam();
  const Model used = Model::load(kPackage, options);
  for (const char* task :
       {"coop_end", "coop_middle", "coop_front", "coop_one", "coop_own", "coop_own_middle",
        "clip_adapter", "tip", "tip_trained", "clip_adapter_tip", "coop_tip"}) {
    SCOPED_TRACE(task);
    expect_logits(answers_of(used, task), golden()["logits"][task]);
  }
}

INSTANTIATE_TEST_SUITE_P(Batches, AdapterParityTest, testing::Values(1, 3, 8));

TEST(AdaptersTest, TheReferenceHoldsInTheTowers) {
  for (const VerifyStage& stage : verify(model()).stages) {
    EXPECT_TRUE(stage.passed) << stage.name << " " << stage.difference << " at " << stage.where;
  }
}

TEST(CoopTest, ASharedContextTakesNewClassNames) {
  const Labels names = golden()["new_classes"];
  for (const std::string task : {"coop_end", "coop_middle", "coop_front", "coop_one"}) {
    expect_logits(answers_of(model(), task, names), golden()["logits"][task + ".new"]);
  }
}

// A golden that cannot tell the places apart would prove nothing.
TEST(CoopTest, TheNamesPlaceMatters) {
  const TextState end = model().prepare(TextQuery{.labels = {"crane (bird)"}}, "coop_middle");
  const TextState front = model().prepare(TextQuery{.labels = {"crane (bird)"}}, "coop_front");
  const auto a = std::get<ClassBank>(end).rows.floats(),
             b = std::get<ClassBank>(front).rows.floats();
  EXPECT_FALSE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST(CoopTest, OwnContextsAreForTheirClassesInAnyOrder) {
  const Labels classes = model().manifest().classes;
  const auto all = answers_of(model(), "coop_own");
  const auto some = answers_of(model(), "coop_own", {classes[4], classes[1]});
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_NEAR(some[i][0], all[i][4], 1e-4);
    EXPECT_NEAR(some[i][1], all[i][1], 1e-4);
  }
  expect_error(ErrorCode::kInvalidArgument,
               "among the 7 classes that have a learned context each, got \"hen\"", [&] {
                 model().prepare(TextQuery{.labels = {"cat", "hen"}}, "coop_own");
               });
}

TEST(CoopTest, ABankStandsForTheTexts) {
  const test::ScratchFolder folder;
  const std::string file = folder.path() / "coop.bank";
  save_class_bank(std::get<ClassBank>(model().prepare(TextQuery{}, "coop_middle")), file);
  const TextState bank = load_class_bank(file);
  const Image picture = pictures().front();
  const auto answer = logits_of(model().predict(picture, bank, everything("coop_middle")));
  expect_logits({answer}, Json::array({golden()["logits"]["coop_middle"][0]}));
  expect_error(ErrorCode::kInvalidArgument, "other heads made",
               [&] { model().predict(picture, bank, everything("coop_end")); });
}

TEST(CoopTest, RefusesTemplatesAndPromptsThatDoNotFit) {
  const auto bad = ErrorCode::kInvalidArgument;
  expect_error(bad, "expected no templates, which the learned context replaces", [&] {
    model().prepare(TextQuery{.labels = {"cat"}, .templates = {"a {}."}}, "coop_end");
  });
  // One letter is one id: start, 4 vectors, the name, the full stop and the end make 77.
  std::string name = "x";
  for (int i = 1; i < 70; ++i) name += " x";
  EXPECT_NO_THROW(model().prepare(TextQuery{.labels = {name}}, "coop_end"));
  expect_error(bad, "expected prompts of at most 77 ids, got 78 with 4 vectors of context",
               [&] { model().prepare(TextQuery{.labels = {name + " x"}}, "coop_end"); });
  expect_error(bad, "got 79 with 5 vectors of context",
               [&] { model().prepare(TextQuery{.labels = {name + " x"}}, "coop_front"); });
}

TEST(CoopTest, StopsBetweenTexts) {
  ModelOptions options;
  options.max_batch = 1;
  const Model single = Model::load(kPackage, options);
  std::stop_source source;
  TextQuery query{.labels = {"a", "b", "c", "d", "e", "f", "g", "h"}, .stop = source.get_token()};
  std::int64_t last = 0;
  query.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 8);
    last = done;
    if (done >= 4) source.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { single.prepare(query, "coop_end"); });
  // 32 rows a call, and texts of 8: of two calls the second is not made.
  EXPECT_EQ(last, 4);
}

TEST(TipAdapterTest, AnySubsetOfTheClassesInAnyOrderKeepsItsLogits) {
  const Labels classes = model().manifest().classes;
  for (const std::string task : {"tip", "coop_tip", "clip_adapter_tip"}) {
    const auto all = answers_of(model(), task);
    const auto some = answers_of(model(), task, {classes[6], classes[0], classes[3]});
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_NEAR(some[i][0], all[i][6], 1e-4);
      EXPECT_NEAR(some[i][1], all[i][0], 1e-4);
      EXPECT_NEAR(some[i][2], all[i][3], 1e-4);
    }
  }
}

// "café" has no key in this cache; it keeps its zero-shot logit.
TEST(TipAdapterTest, AClassWithoutShotsGainsNothing) {
  const auto before = answers_of(model(), "classify"), after = answers_of(model(), "tip");
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i][6], before[i][6]);
    EXPECT_GT(after[i][4], before[i][4]);
  }
}

TEST(TipAdapterTest, ListsTheBestOfAllLabels) {
  const Image picture = pictures().front();
  const auto text = model().prepare(TextQuery{}, "tip");
  PredictOptions two = everything("tip");
  two.top_k = 2;
  const auto all = std::get<Classification>(model().predict(picture, text, everything("tip")));
  const auto best = std::get<Classification>(model().predict(picture, text, two));
  ASSERT_EQ(best.scores.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(best.scores[i].label, all.scores[i].label);
    EXPECT_EQ(best.scores[i].probability, all.scores[i].probability);
  }
}

TEST(TipAdapterTest, RefusesLabelsOutsideTheCache) {
  const auto bad = ErrorCode::kInvalidArgument;
  const std::string message = "expected labels among the 7 classes of the cache, got \"hen\"";
  expect_error(bad, message, [&] { model().prepare(TextQuery{.labels = {"cat", "hen"}}, "tip"); });
  // Also when a bank brings them.
  const std::vector<float> rows{1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const ClassBank bank{{"cat", "hen"}, Tensor::from({2, 8}, rows)};
  const Image picture = pictures().front();
  expect_error(bad, message, [&] { model().predict(picture, bank, everything("tip")); });
}

TEST(AdaptersTest, PreprocessedPixelsGiveTheAnswerOfThePicture) {
  const Image picture = pictures().front();
  const ImageView view = picture;
  const Tensor pixels = model().towers().pixels({&view, 1}, "default");
  for (const std::string task : {"coop_end", "clip_adapter", "clip_adapter_tip"}) {
    const auto text = model().prepare(TextQuery{}, task);
    const auto states = model().encode_pixels(pixels, everything(task));
    ASSERT_EQ(states.size(), 1U);
    EXPECT_EQ(logits_of(model().predict(states[0], text, everything(task))),
              logits_of(model().predict(picture, text, everything(task))));
  }
}

}  // namespace
}  // namespace glint
