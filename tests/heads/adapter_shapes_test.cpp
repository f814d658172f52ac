// The adapters at ViT-B/16's 512 numbers, on noise that tests/golden/make_adapters.py draws too.
#include <glint/similarity.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "heads/clip_adapter.h"
#include "heads/tip_adapter.h"
#include "heads/zero_shot.h"
#include "support/expect_error.h"
#include "support/noise.h"
#include "support/silent_head.h"

namespace glint {
namespace {

using test::expect_error;
using test::noise;

constexpr std::int64_t kDim = 512;

std::vector<float> scaled(std::vector<float> values, float factor) {
  for (float& value : values) value *= factor;
  return values;
}

// Only a manifest: the states come from the test.
class NoTowers final : public Towers {
 public:
  NoTowers() {
    manifest_.embed_dim = kDim;
    manifest_.logit = {.scale = 100, .bias = 0};
  }
  const Manifest& manifest() const override { return manifest_; }
  std::int64_t max_batch() const override { return 8; }
  Tensor pixels(std::span<const ImageView>, std::string_view) const override { return {}; }
  std::vector<std::int64_t> tokenize(std::string_view) const override { return {}; }
  NamedTensors call(std::string_view, std::string_view, const NamedTensors& inputs) const override {
    return {{"embedding", inputs.at("pixels")}};
  }

 private:
  Manifest manifest_;
};

std::shared_ptr<const Head> zero_shot() {
  return std::make_shared<const ZeroShotHead>("default", std::vector<std::string>{"{}"});
}

const nlohmann::json& golden() {
  static const auto loaded =
      nlohmann::json::parse(std::ifstream(std::string(GLINT_TEST_DATA) + "/golden/adapters.json"));
  return loaded["shapes"];
}

// 1e-5 of the largest value is the contract's bound on embeddings.
TEST(ClipAdapterTest, AdaptsAsTheReleasedModuleAtItsTrueWidth) {
  const Tensor down = Tensor::from({kDim / 4, kDim}, scaled(noise(1, kDim / 4 * kDim), 0.1F));
  const Tensor up = Tensor::from({kDim, kDim / 4}, scaled(noise(2, kDim / 4 * kDim), 0.1F));
  const ClipAdapterHead head(zero_shot(), down, up, 0.2);
  const Tensor features = Tensor::from({8, kDim}, noise(3, 8 * kDim));
  const auto states = head.encode_pixels(features, NoTowers(), {});
  ASSERT_EQ(states.size(), 8U);
  const std::vector<float> expected = golden()["adapted"];
  const auto adapted = states[0].embedding.floats();
  ASSERT_EQ(adapted.size(), expected.size());
  float largest = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(adapted[i], expected[i], 1e-5F * largest) << i;
  }
}

TEST(ClipAdapterTest, RefusesStatesOfAnotherWidth) {
  const Tensor weight = Tensor::from({1, 3}, noise(1, 3));
  const ClipAdapterHead head(zero_shot(), weight, weight.reshape({3, 1}), 0.2);
  const Tensor features = Tensor::from({1, kDim}, noise(3, kDim));
  expect_error(ErrorCode::kInvalidArgument, "expected an image embedding of 3 numbers",
               [&] { head.encode_pixels(features, NoTowers(), {}); });
}

class TipShapeTest : public testing::Test {
 protected:
  static constexpr std::int64_t kClasses = 40, kShots = 16, kImages = 8;

  TipShapeTest() {
    for (std::int64_t k = 0; k < kClasses; ++k) bank_.labels.push_back(std::to_string(k));
    auto rows = noise(4, kClasses * kDim);
    normalize_rows(rows, kDim);
    bank_.rows = Tensor::from({kClasses, kDim}, rows);
    auto keys = noise(5, kClasses * kShots * kDim);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] += features_[i % features_.size()];
    normalize_rows(keys, kDim);
    keys_ = Tensor::from({kClasses * kShots, kDim}, keys);
    for (std::int64_t n = 0; n < kClasses * kShots; ++n) {
      classes_.push_back(static_cast<std::uint32_t>(n * 7 % kClasses));
    }
  }
  TipAdapterHead head(double alpha, double beta) const {
    return {zero_shot(), {{bank_.labels, "of the cache"}, keys_, classes_}, alpha, beta};
  }
  Prediction predict(const TipAdapterHead& head, std::int64_t image) const {
    const auto row = std::span(features_).subspan(static_cast<std::size_t>(image * kDim), kDim);
    PredictOptions options;
    options.top_k = 0;
    return head.predict({.embedding = Tensor::from({kDim}, row)}, bank_, NoTowers(), options);
  }

  std::vector<float> features_ = noise(3, kImages* kDim);
  ClassBank bank_;
  Tensor keys_;
  std::vector<std::uint32_t> classes_;
};

// 1e-4 is the contract's bound on logits.
TEST_F(TipShapeTest, AnswersAsTheReleasedFormulaAtItsTrueWidth) {
  const TipAdapterHead tip = head(1.17, 5.5);
  for (std::int64_t image = 0; image < kImages; ++image) {
    const auto& expected = golden()["tip"][static_cast<std::size_t>(image)];
    const Prediction answer = predict(tip, image);
    ASSERT_EQ(std::get<Classification>(answer).scores.size(), expected.size());
    for (const ClassScore& score : std::get<Classification>(answer).scores) {
      EXPECT_NEAR(score.logit, expected[static_cast<std::size_t>(score.index)].get<double>(), 1e-4);
    }
  }
}

// A trained key may be long: its affinity passes 1, and with a large beta f32.
TEST_F(TipShapeTest, RefusesLogitsThatAreNotFinite) {
  keys_ = Tensor::from({kClasses * kShots, kDim},
                       scaled({keys_.floats().begin(), keys_.floats().end()}, 100));
  expect_error(ErrorCode::kInvalidArgument, "finite", [&] { predict(head(1, 50), 0); });
}

// Detects nothing, but is no classification.
class DetectingHead final : public test::SilentHead {
 public:
  Prediction predict(const ImageState&, const TextState&, const Towers&,
                     const PredictOptions&) const override {
    return Detection{};
  }
};

TEST_F(TipShapeTest, RefusesAHeadThatDoesNotClassifyAndStatesOfAnotherWidth) {
  const TipAdapterHead around(std::make_shared<const DetectingHead>(),
                              {{bank_.labels, "of the cache"}, keys_, classes_}, 1, 1);
  expect_error(ErrorCode::kInvalidArgument, "expected a head that classifies",
               [&] { predict(around, 0); });
  expect_error(ErrorCode::kInvalidArgument, "expected an image embedding of 512 numbers", [&] {
    head(1, 1).predict({.embedding = Tensor::from({2}, noise(1, 2))}, bank_, NoTowers(), {});
  });
}

}  // namespace
}  // namespace glint
