// How callers use any head: states, pixels, batches, stopping, threads; and what is refused.
#include <atomic>
#include <thread>

#include "own/heads_package.h"
#include "support/expect_error.h"
#include "support/silent_head.h"

namespace glint {
namespace {

using namespace own;  // NOLINT(google-build-using-namespace)
using test::expect_error;

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
  TextQuery query{.labels = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"},
                  .stop = source.get_token()};
  std::int64_t last = 0;
  query.progress = [&](std::int64_t done, std::int64_t) {
    last = done;
    source.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { single.prepare(query, "tip"); });
  EXPECT_GT(last, 0);
  EXPECT_LT(last, 12);
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

// What prompts the MaPLe-like tower is free in number and depth, up to its layers; another width is
// refused.
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
  for (const auto& [depth, width] : {std::pair(1, 15), std::pair(4, 16)}) {
    const std::vector<float> values(static_cast<std::size_t>(depth * 2 * width));
    const Tensor prompts = Tensor::from({depth, 2, width}, values);
    expect_error(ErrorCode::kInvalidArgument, "expected prompts f32 [P<=3, N, 16]", [&] {
      model().towers().call("image", "forward_prompted",
                            {{"pixels", pixels}, {"prompts", prompts}});
    });
  }
}

TEST(OwnHeadsTest, AHeadThatLosesAnImageIsNamed) {
  ModelOptions losing = options();
  losing.heads["test_maple"] = [](const HeadContext&) {
    return std::make_shared<const test::SilentHead>();
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
