// Heads of every kind, written outside the library against its public headers, in one package. The
// answers are a plain PyTorch computation's (tests/golden/make_heads.py).
//
// Bounds are the contract's: 1e-4 on logits, 1e-5 on probabilities, 1e-4 on scores and 0.01 pixels
// on boxes; label maps may differ in 0.1 % of the pixels.
#include <glint/glint.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "own/cocoop.h"
#include "own/glip.h"
#include "own/lseg.h"
#include "own/maple.h"
#include "own/tip.h"
#include "own/vild.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using Json = nlohmann::json;
using test::expect_error;

const std::string kGolden = std::string(GLINT_TEST_DATA) + "/golden";
const std::string kPackage = kGolden + "/packages/heads.glint";

template <typename T>
HeadFactory factory() {
  return [](const HeadContext& head) { return std::make_shared<const T>(head); };
}

ModelOptions options(std::int64_t max_batch = 32) {
  ModelOptions options;
  options.max_batch = max_batch;
  options.heads = {
      {"test_cocoop", factory<own::CocoopHead>()}, {"test_maple", factory<own::MapleHead>()},
      {"test_tip", factory<own::TipHead>()},       {"test_lseg", factory<own::LsegHead>()},
      {"test_vild", factory<own::VildHead>()},     {"test_glip", factory<own::GlipHead>()}};
  return options;
}

const Model& model() {
  static const Model loaded = Model::load(kPackage, options());
  return loaded;
}

const Json& golden() {
  static const Json loaded = Json::parse(std::ifstream(kGolden + "/heads.json"));
  return loaded;
}

TextState prepare(const std::string& task) {
  return model().prepare(TextQuery{.labels = golden()["labels"]}, task);
}

std::vector<Image> pictures() {
  std::vector<Image> all;
  for (const Json& picture : golden()["pictures"]) {
    all.push_back(load_image(kPackage + "/" + picture["file"].get<std::string>()));
  }
  return all;
}

PredictOptions everything(const std::string& task) {
  PredictOptions options;
  options.task = task;
  options.top_k = 0;
  for (const Json& box : golden()["boxes"]) {
    options.regions.push_back({box[0], box[1], box[2], box[3]});
  }
  return options;
}

std::vector<Prediction> answers_of(const std::string& task) {
  const auto images = pictures();
  const std::vector<ImageView> views(images.begin(), images.end());
  return model().predict(views, prepare(task), everything(task));
}

void expect_logits(const Prediction& answer, const Json& expected) {
  const auto& scores = std::get<Classification>(answer).scores;
  ASSERT_EQ(scores.size(), expected.size());
  for (const ClassScore& score : scores) {
    EXPECT_NEAR(score.logit, expected[static_cast<std::size_t>(score.index)].get<double>(), 1e-4)
        << score.label;
  }
}

class ClassifyingHeadTest : public testing::TestWithParam<const char*> {};

TEST_P(ClassifyingHeadTest, AnswersAsThePlainComputation) {
  const auto answers = answers_of(GetParam());
  ASSERT_EQ(answers.size(), golden()["pictures"].size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    expect_logits(answers[i], golden()["pictures"][i][GetParam()]);
  }
}

INSTANTIATE_TEST_SUITE_P(OwnHeads, ClassifyingHeadTest, testing::Values("cocoop", "maple", "tip"));

TEST(OwnHeadsTest, TheReferenceHoldsInEveryTower) {
  const VerifyReport report = verify(model());
  EXPECT_EQ(report.stages.size(), 10U);  // five of every package, five recorded calls
  for (const VerifyStage& stage : report.stages) {
    EXPECT_TRUE(stage.passed) << stage.name << " " << stage.difference << " at " << stage.where;
  }
}

// heads-cocoop.glint has the task cocoop, its context and its network; the rest is of heads.glint.
class ExtensionTest : public testing::Test {
 protected:
  static const Model& extended() {
    static const Model loaded = Model::load(kGolden + "/packages/heads-cocoop.glint", options());
    return loaded;
  }
};

TEST_F(ExtensionTest, AnswersAsTheWholePackage) {
  const auto images = pictures();
  const std::vector<ImageView> views(images.begin(), images.end());
  const auto answers = extended().predict(views, extended().prepare({}, "cocoop"));
  const auto whole = answers_of("cocoop");
  ASSERT_EQ(answers.size(), whole.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& scores = std::get<Classification>(answers[i]).scores;
    expect_logits(answers[i], golden()["pictures"][i]["cocoop"]);
    for (std::size_t k = 0; k < scores.size(); ++k) {
      EXPECT_EQ(scores[k].logit, std::get<Classification>(whole[i]).scores[k].logit);
    }
  }
}

TEST_F(ExtensionTest, ItsOwnReferenceHolds) {
  const VerifyReport report = verify(extended());
  ASSERT_EQ(report.stages.size(), 1U);  // the call of its network
  EXPECT_EQ(report.stages[0].name, "cocoop_net.forward");
  EXPECT_TRUE(report.passed()) << report.stages[0].difference;
}

TEST_F(ExtensionTest, OneOpenedBaseServesManyPackages) {
  const Package base = Package::open(kPackage);
  const Package package =
      Package::open(kGolden + "/packages/heads-cocoop.glint", {.bases = {base}});
  EXPECT_EQ(package.file("towers/image.pt").data(), base.file("towers/image.pt").data());
  EXPECT_EQ(package.tensors("tensors/cocoop.safetensors").at("context").dim(0), 4);
}

// The image tower is the base's, so are its class embeddings; the heads are not.
TEST_F(ExtensionTest, ABankKnowsTheBasesTowers) {
  const BankSource own = extended().bank_source("cocoop");
  const BankSource whole = model().bank_source("cocoop");
  EXPECT_EQ(own.image, whole.image);
  EXPECT_EQ(own.text, whole.text);
  EXPECT_NE(own.heads, whole.heads);
}

TEST(OwnHeadsTest, WindowsGiveEveryPixelALabel) {
  const auto answers = answers_of("segment");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& picture = golden()["pictures"][i];
    const auto& answer = std::get<Segmentation>(answers[i]);
    EXPECT_EQ(answer.width, picture["size"][0]);
    EXPECT_EQ(answer.height, picture["size"][1]);
    const std::vector<std::int32_t> expected = picture["segment"];
    ASSERT_EQ(answer.map.size(), expected.size());
    std::size_t different = 0;
    for (std::size_t p = 0; p < expected.size(); ++p) different += answer.map[p] != expected[p];
    EXPECT_LE(static_cast<double>(different), 0.001 * static_cast<double>(expected.size()));
  }
}

TEST(OwnHeadsTest, TheCallersRegionsGetLabels) {
  const auto answers = answers_of("detect");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& expected = golden()["pictures"][i]["detect"];
    const auto& objects = std::get<Detection>(answers[i]).objects;
    EXPECT_EQ(objects.size(), expected.size() * golden()["labels"].size());
    for (const DetectedObject& object : objects) {
      std::size_t region = 0;
      while (golden()["boxes"][region][0].get<float>() != object.box.x0) ++region;
      const double score = expected[region][static_cast<std::size_t>(object.index)];
      EXPECT_NEAR(object.score, score, 1e-5) << object.label;
    }
  }
}

TEST(OwnHeadsTest, CaptionsMeetTheImageInAModuleOfTheirOwn) {
  const auto text = prepare("ground");
  EXPECT_EQ(std::get<CaptionSet>(text).chunks.size(), 2U);
  const auto answers = answers_of("ground");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& expected = golden()["pictures"][i]["ground"];
    const auto& objects = std::get<Detection>(answers[i]).objects;
    ASSERT_EQ(objects.size(), expected.size());
    ASSERT_GT(objects.size(), 3U);
    for (std::size_t k = 0; k < objects.size(); ++k) {
      EXPECT_EQ(objects[k].index, expected[k]["index"]);
      EXPECT_NEAR(objects[k].score, expected[k]["score"].get<double>(), 1e-4);
      const Box& box = objects[k].box;
      const float sides[] = {box.x0, box.y0, box.x1, box.y1};
      for (std::size_t side = 0; side < 4; ++side) {
        EXPECT_NEAR(sides[side], expected[k]["box"][side].get<double>(), 0.01);
      }
    }
  }
}

TEST(OwnHeadsTest, OneStateAnswersManyQuestionsOfOneTask) {
  const Image picture = pictures().front();
  const PredictOptions cocoop = everything("cocoop");
  const ImageState state = model().encode(picture, cocoop);
  const auto few = model().prepare(TextQuery{.labels = {"ship", "cat"}}, "cocoop");
  const auto all = std::get<Classification>(model().predict(state, prepare("cocoop"), cocoop));
  const auto two = std::get<Classification>(model().predict(state, few, cocoop));
  for (const ClassScore& score : two.scores) {
    const auto same = std::ranges::find(all.scores, score.label, &ClassScore::label);
    EXPECT_EQ(score.logit, same->logit);
  }
}

TEST(OwnHeadsTest, PreprocessedPixelsGiveTheAnswerOfThePicture) {
  const Image picture = pictures().front();
  for (const char* task : {"classify", "maple"}) {
    const ImageView view = picture;
    const Tensor pixels = model().towers().pixels({&view, 1}, "default");
    PredictOptions options = everything(task);
    const auto states = model().encode_pixels(pixels, options);
    ASSERT_EQ(states.size(), 1U);
    const auto text = prepare(task);
    const auto from_pixels = std::get<Classification>(model().predict(states[0], text, options));
    const auto from_picture = std::get<Classification>(model().predict(picture, text, options));
    EXPECT_EQ(from_pixels.scores[0].logit, from_picture.scores[0].logit);
    EXPECT_EQ(from_pixels.scores[0].label, from_picture.scores[0].label);
  }
  const Tensor pixels = Tensor::from({1, 3, 16, 16}, std::vector<float>(3 * 16 * 16));
  expect_error(ErrorCode::kUnsupported, "looks at the picture itself",
               [&] { model().encode_pixels(pixels, everything("segment")); });
}

TEST(OwnHeadsTest, ManyImagesKeepTheirOrderInSmallBatches) {
  const Model small = Model::load(kPackage, options(2));
  const auto images = pictures();
  std::vector<ImageView> views;
  for (int i = 0; i < 7; ++i) views.push_back(images[static_cast<std::size_t>(i % 2)]);
  for (const char* task : {"tip", "segment", "detect"}) {
    PredictOptions options = everything(task);
    std::vector<std::int64_t> steps;
    options.progress = [&](std::int64_t done, std::int64_t total) {
      EXPECT_EQ(total, 7);
      steps.push_back(done);
    };
    const auto text = small.prepare(TextQuery{.labels = golden()["labels"]}, task);
    const auto answers = small.predict(views, text, options);
    EXPECT_EQ(steps, (std::vector<std::int64_t>{2, 4, 6, 7}));
    ASSERT_EQ(answers.size(), 7U);
    for (std::size_t i = 0; i < 7; ++i) {
      if (const auto* answer = std::get_if<Segmentation>(&answers[i])) {
        EXPECT_EQ(answer->width, views[i].width);
      } else if (const auto* scores = std::get_if<Classification>(&answers[i])) {
        expect_logits(*scores, golden()["pictures"][i % 2][task]);
      }
    }
  }
}

TEST(OwnHeadsTest, StopsBetweenTheWindowsOfAnImage) {
  std::stop_source source;
  PredictOptions options = everything("segment");
  options.stop = source.get_token();
  std::int64_t last = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 4);
    last = done;
    if (done == 2) source.request_stop();
  };
  const auto text = prepare("segment");
  const ImageState state = model().encode(pictures().back(), options);
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { model().predict(state, text, options); });
  EXPECT_EQ(last, 2);
}

TEST(OwnHeadsTest, StopsBetweenTheTextsOfAQuestion) {
  const Model single = Model::load(kPackage, options(1));
  std::stop_source source;
  TextQuery query{.labels = {"a", "b", "c", "d"}, .stop = source.get_token()};
  std::int64_t last = 0;
  query.progress = [&](std::int64_t done, std::int64_t) {
    last = done;
    if (done == 2) source.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { single.prepare(query, "tip"); });
  EXPECT_EQ(last, 2);
}

TEST(OwnHeadsTest, StopsBetweenBatches) {
  const Model single = Model::load(kPackage, options(1));
  const auto images = pictures();
  const std::vector<ImageView> views(5, images.front());
  std::stop_source source;
  PredictOptions options = everything("tip");
  options.stop = source.get_token();
  std::int64_t last = 0;
  options.progress = [&](std::int64_t done, std::int64_t) {
    last = done;
    if (done == 3) source.request_stop();
  };
  const auto text = single.prepare(TextQuery{.labels = golden()["labels"]}, "tip");
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { single.predict(views, text, options); });
  EXPECT_EQ(last, 3);
}

TEST(OwnHeadsTest, ManyThreadsGiveTheSerialAnswers) {
  const Image picture = pictures().back();
  std::vector<Prediction> serial;
  const std::vector<std::string> tasks{"cocoop", "maple", "tip"};
  for (const auto& task : tasks) {
    serial.push_back(model().predict(picture, prepare(task), everything(task)));
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        const std::size_t i = (t + static_cast<std::size_t>(round)) % tasks.size();
        const auto answer = model().predict(picture, prepare(tasks[i]), everything(tasks[i]));
        const auto& a = std::get<Classification>(answer).scores;
        const auto& b = std::get<Classification>(serial[i]).scores;
        for (std::size_t k = 0; k < b.size(); ++k) wrong += a[k].logit != b[k].logit;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(OwnHeadsTest, RefusesWhatDoesNotFit) {
  const Image picture = pictures().front();
  expect_error(ErrorCode::kInvalidArgument, "7 tasks; expected the name of one",
               [&] { model().prepare({"cat"}); });
  expect_error(ErrorCode::kInvalidArgument, "prompts of another head",
               [&] { model().predict(picture, prepare("cocoop"), everything("classify")); });
  expect_error(ErrorCode::kInvalidArgument, "other heads made",
               [&] { model().predict(picture, prepare("classify"), everything("tip")); });
  expect_error(ErrorCode::kUnsupported, "heads[0]: expected a head of a type known here",
               [] { Model::load(kPackage); });
  const Towers& towers = model().towers();
  expect_error(ErrorCode::kInvalidArgument, "towers.meta_net.forward: expected an input embedding",
               [&] { towers.call("meta_net", "forward", {}); });
  const Tensor wide = Tensor::from({1, 9}, std::vector<float>(9));
  expect_error(ErrorCode::kInvalidArgument, "expected embedding f32 [B, 8], got Float [1, 9]", [&] {
    towers.call("meta_net", "forward", {{"embedding", wide}});
  });
  expect_error(ErrorCode::kInvalidArgument, "expected no input \"more\"", [&] {
    towers.call("meta_net", "forward", {{"embedding", wide}, {"more", wide}});
  });
  expect_error(ErrorCode::kNotFound, "has no tower \"nothing\"",
               [&] { towers.call("nothing", "forward", {}); });
  expect_error(ErrorCode::kNotFound, "no method \"backward\"",
               [&] { towers.call("fusion", "backward", {}); });
}

// What prompts the MaPLe-like tower is free in number and depth; more depth than layers is not its
// business, but a width that differs is refused.
TEST(OwnHeadsTest, PromptsOfAnyNumberAndDepthEnterTheTower) {
  const Tensor pixels = Tensor::from({2, 3, 16, 16}, std::vector<float>(2 * 3 * 16 * 16, 0.5F));
  for (const std::int64_t depth : {1, 3}) {
    for (const std::int64_t count : {1, 5}) {
      const std::vector<float> values(static_cast<std::size_t>(depth * count * 16), 0.1F);
      const Tensor prompts = Tensor::from({depth, count, 16}, values);
      const auto out = model().towers().call("image", "forward_prompted",
                                             {{"pixels", pixels}, {"prompts", prompts}});
      EXPECT_EQ(out.at("embedding").dim(0), 2);
    }
  }
  const Tensor narrow = Tensor::from({1, 2, 15}, std::vector<float>(30));
  expect_error(ErrorCode::kInvalidArgument, "expected prompts f32 [P, N, 16]", [&] {
    model().towers().call("image", "forward_prompted", {{"pixels", pixels}, {"prompts", narrow}});
  });
}

// Forgets its images.
class LosingHead final : public Head {
 public:
  TextState prepare(const TextQuery&, const Towers&) const override { return ClassBank{}; }
  std::vector<ImageState> encode(std::span<const ImageView>, const Towers&,
                                 const PredictOptions&) const override {
    return {};
  }
  Prediction predict(const ImageState&, const TextState&, const Towers&,
                     const PredictOptions&) const override {
    return Classification{};
  }
};

TEST(OwnHeadsTest, AHeadThatLosesAnImageIsNamed) {
  ModelOptions losing = options();
  losing.heads["test_maple"] = [](const HeadContext&) {
    return std::make_shared<const LosingHead>();
  };
  const Model model = Model::load(kPackage, losing);
  const Image picture = pictures().front();
  const PredictOptions maple = everything("maple");
  const auto bad = ErrorCode::kInvalidArgument;
  const char* part = "task \"maple\": expected one state an image from its head, got 0 for 1";
  expect_error(bad, part, [&] { model.encode(picture, maple); });
  expect_error(bad, part, [&] { model.predict(picture, ClassBank{}, maple); });
}

}  // namespace
}  // namespace glint
