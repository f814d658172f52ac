// The zero-shot head over towers that are small enough to follow by hand, and the probabilities
// that openai/CLIP publishes.
#include <glint/error.h>
#include <glint/similarity.h>
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>

#include "heads/zero_shot.h"
#include "support/expect_error.h"
#include "support/npy.h"

namespace glint {
namespace {

using test::expect_error;

// D = 2. A text embeds as (number of 'a', number of other letters); an image as its first pixel's
// first two bytes. The tokenizer gives the bytes.
class ByHandTowers final : public Towers {
 public:
  ByHandTowers() {
    manifest_.embed_dim = 2;
    manifest_.logit = {.scale = 10, .bias = 1};
  }
  const Manifest& manifest() const override { return manifest_; }
  std::int64_t max_batch() const override { return 2; }
  Tensor pixels(std::span<const ImageView> images, std::string_view) const override {
    std::vector<float> values;
    for (const ImageView& image : images) {
      if (image.width == 13) throw Error(ErrorCode::kInvalidArgument, "thirteen");
      values.insert(values.end(),
                    {static_cast<float>(image.data[0]), static_cast<float>(image.data[1])});
    }
    return Tensor::from({static_cast<std::int64_t>(images.size()), 2}, values);
  }
  std::vector<std::int64_t> tokenize(std::string_view text) const override {
    return {text.begin(), text.end()};
  }
  NamedTensors call(std::string_view tower, std::string_view method,
                    const NamedTensors& inputs) const override {
    EXPECT_EQ(method, "forward");
    if (tower == "image") return {{"embedding", inputs.at("pixels")}};
    return {{"embedding", embed_text(inputs.at("ids"))}};
  }
  Tensor embed_text(const Tensor& ids) const {
    const std::int64_t rows = ids.dim(0), length = ids.dim(1);
    batches_.push_back({rows, length});
    std::vector<float> values;
    for (std::int64_t i = 0; i < rows; ++i) {
      float a = 0;
      for (const auto id : ids.ints().subspan(i * length, length)) a += id == 'a';
      values.insert(values.end(), {a, static_cast<float>(length) - a});
    }
    return Tensor::from({rows, 2}, values);
  }

  Manifest manifest_;
  mutable std::vector<std::pair<std::int64_t, std::int64_t>> batches_;  // (rows, length)
};

class ZeroShotTest : public testing::Test {
 protected:
  TextState prepare(std::vector<std::string> labels, std::vector<std::string> templates = {}) {
    return head_.prepare({.labels = std::move(labels), .templates = std::move(templates)}, towers_);
  }
  std::vector<ClassScore> predict(std::vector<float> embedding, const TextState& text,
                                  std::int64_t top_k = 0) {
    const auto dim = static_cast<std::int64_t>(embedding.size());
    const ImageState image{.embedding = Tensor::from({dim}, embedding)};
    PredictOptions options;
    options.top_k = top_k;
    return std::get<Classification>(head_.predict(image, text, towers_, options)).scores;
  }
  ByHandTowers towers_;
  ZeroShotHead head_{"default", {"{}"}};
};

TEST_F(ZeroShotTest, NormalisesEachTemplateThenTheirMean) {
  // "a" -> (1, 0); "aaab" -> (3, 1) / sqrt(10). Their mean, normalised, is not that of (4, 1).
  const auto bank = std::get<ClassBank>(prepare({"a"}, {"{}", "{}aab"}));
  const double x = (1 + 3 / std::sqrt(10)) / 2, y = (0 + 1 / std::sqrt(10)) / 2;
  EXPECT_NEAR(bank.rows.floats()[0], x / std::hypot(x, y), 1e-6);
  EXPECT_NEAR(bank.rows.floats()[1], y / std::hypot(x, y), 1e-6);
}

TEST_F(ZeroShotTest, MayTakeTheMeanOfTemplatesAsTheyAre) {
  // "a" -> (1, 0); "aaab" -> (3, 1). Their mean has the direction of (4, 1).
  const ZeroShotHead raw("default", {"{}", "{}aab"}, TemplateMean::kOfRawRows);
  const auto bank = std::get<ClassBank>(raw.prepare({.labels = {"a"}}, towers_));
  EXPECT_NEAR(bank.rows.floats()[0], 4 / std::sqrt(17), 1e-6);
  EXPECT_NEAR(bank.rows.floats()[1], 1 / std::sqrt(17), 1e-6);
}

TEST_F(ZeroShotTest, LogitIsScaleTimesCosinePlusBias) {
  const auto scores = predict({30, 40}, prepare({"a", "b"}));
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_EQ(scores[0].label, "b");
  EXPECT_EQ(scores[0].index, 1);
  EXPECT_NEAR(scores[0].logit, 9, 1e-5);
  EXPECT_NEAR(scores[1].logit, 7, 1e-5);
  EXPECT_NEAR(scores[0].probability, 1 / (1 + std::exp(-2.0)), 1e-6);
}

TEST_F(ZeroShotTest, ScaleOfTheEmbeddingDoesNotMatter) {
  const auto text = prepare({"a", "b", "ab"});
  const auto one = predict({3, 4}, text), seven = predict({21, 28}, text);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_NEAR(one[i].probability, seven[i].probability, 1e-6);
  }
}

TEST_F(ZeroShotTest, ZeroEmbeddingGivesEqualProbabilities) {
  for (const auto& score : predict({0, 0}, prepare({"a", "b"}))) {
    EXPECT_EQ(score.probability, 0.5F);
  }
}

TEST_F(ZeroShotTest, TiesKeepTheOrderOfLabelsAndProbabilitiesCoverAll) {
  const auto scores = predict({1, 1}, prepare({"b", "ab", "a", "ba"}), 3);
  ASSERT_EQ(scores.size(), 3U);
  EXPECT_EQ(scores[0].label, "ab");
  EXPECT_EQ(scores[1].label, "ba");
  EXPECT_EQ(scores[2].label, "b");
  EXPECT_LT(scores[0].probability + scores[1].probability + scores[2].probability, 1);
}

TEST_F(ZeroShotTest, OnlyTextsOfOneLengthShareABatch) {
  prepare({"bbb", "a", "bb", "b", "aaa", "c"});
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{{3, 1}, {1, 2}, {2, 3}};
  EXPECT_EQ(towers_.batches_, expected);
}

TEST_F(ZeroShotTest, ATextThatComesAgainIsEncodedOnce) {
  std::vector<std::int64_t> steps;
  const std::vector<std::string> texts{"ab", "b", "ab", "aa", "ab"};
  const Tensor rows = encode_texts(texts, towers_, {}, [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 5);
    steps.push_back(done);
  });
  const std::vector<float> expected{1, 1, 0, 1, 1, 1, 2, 0, 1, 1};
  EXPECT_TRUE(std::ranges::equal(rows.floats(), expected));
  EXPECT_EQ(towers_.batches_, (std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {2, 2}}));
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 5}));
}

TEST_F(ZeroShotTest, RefusesBadLabelsAndTemplates) {
  const auto bad = ErrorCode::kInvalidArgument;
  expect_error(bad, "at least one label", [&] { prepare({}); });
  expect_error(bad, "label 1 is empty", [&] { prepare({"a", " "}); });
  expect_error(bad, "label 2 repeats \"a\"", [&] { prepare({"a", "b", "a"}); });
  expect_error(bad, "one {}", [&] { prepare({"a"}, {"no slot"}); });
  expect_error(bad, "one {}", [&] { prepare({"a"}, {"{} and {}"}); });
}

TEST_F(ZeroShotTest, RefusesEmbeddingsThatAreNotFiniteOrOfAnotherWidth) {
  const auto text = prepare({"a", "b"});
  expect_error(ErrorCode::kInvalidArgument, "finite", [&] { predict({NAN, 1}, text); });
  expect_error(ErrorCode::kInvalidArgument, "2 numbers", [&] { predict({1, 2, 3}, text); });
}

TEST_F(ZeroShotTest, EncodesImagesInOrder) {
  const std::uint8_t data[2][3] = {{1, 2, 0}, {3, 4, 0}};
  const ImageView views[] = {{data[0], 1, 1, 3, PixelMode::kRGB, {}},
                             {data[1], 1, 1, 3, PixelMode::kRGB, {}}};
  const auto states = head_.encode(views, towers_, {});
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[1].embedding.floats()[1], 4);
  EXPECT_EQ(states[1].embedding.shape().size(), 1U);
  EXPECT_EQ(states[1].width, 1);
}

TEST_F(ZeroShotTest, TakesPixelsThatTheCallerPreprocessed) {
  const std::vector<float> pixels{1, 2, 3, 4};
  const auto states = head_.encode_pixels(Tensor::from({2, 2}, pixels), towers_, {});
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[1].embedding.floats()[0], 3);
  EXPECT_EQ(states[1].width, 0);
}

TEST_F(ZeroShotTest, RefusesAStateOfAnotherKindOrWidth) {
  const auto bad = ErrorCode::kInvalidArgument;
  expect_error(bad, "prompts of another head", [&] { predict({1, 2}, PromptSet{{"a"}, {}}); });
  const std::vector<float> three{1, 2, 3};
  expect_error(bad, "expected class embeddings [1, 2], got [1, 3]", [&] {
    predict({1, 2}, ClassBank{{"a"}, Tensor::from({1, 3}, three), {}, {}});
  });
  expect_error(bad, "got none", [&] { predict({1, 2}, ClassBank{{"a"}, {}, {}, {}}); });
}

// 1e-5 is the contract's bound on probabilities.
TEST(ClipReadmeTest, GivesThePublishedProbabilities) {
  const std::string folder = std::string(GLINT_TEST_DATA) + "/golden/clip-readme/";
  auto image = test::read_npy<float>(folder + "image_features.npy").values;
  auto text = test::read_npy<float>(folder + "text_features.npy").values;
  normalize_rows(image, 512);
  normalize_rows(text, 512);
  std::vector<float> logits(3), probabilities(3);
  dot_matrix(image, text, 512, logits);
  for (float& logit : logits) logit *= 100;
  softmax(logits, probabilities);
  EXPECT_NEAR(probabilities[0], 0.9927937, 1e-5);
  EXPECT_NEAR(probabilities[1], 0.00421068, 1e-5);
  EXPECT_NEAR(probabilities[2], 0.00299572, 1e-5);
}

// The same through the head and a bank of class embeddings.
TEST(ClipReadmeTest, HeadGivesThePublishedProbabilitiesFromABank) {
  const std::string folder = std::string(GLINT_TEST_DATA) + "/golden/clip-readme/";
  const auto picture = test::read_npy<float>(folder + "image_features.npy").values;
  auto texts = test::read_npy<float>(folder + "text_features.npy").values;
  normalize_rows(texts, 512);
  ByHandTowers towers;
  towers.manifest_.embed_dim = 512;
  towers.manifest_.logit = {.scale = 100, .bias = 0};
  const ZeroShotHead head("default", {"{}"});
  const ImageState image{.embedding = Tensor::from({512}, picture)};
  const ClassBank bank{{"a diagram", "a dog", "a cat"}, Tensor::from({3, 512}, texts), {}, {}};
  const auto scores = std::get<Classification>(head.predict(image, bank, towers, {})).scores;
  ASSERT_EQ(scores.size(), 3U);
  EXPECT_EQ(scores[0].label, "a diagram");
  EXPECT_NEAR(scores[0].probability, 0.9927937, 1e-5);
  EXPECT_NEAR(scores[1].probability, 0.00421068, 1e-5);
  EXPECT_NEAR(scores[2].probability, 0.00299572, 1e-5);
}

}  // namespace
}  // namespace glint
