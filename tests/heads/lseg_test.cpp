// The lseg head against a plain repetition of the official evaluation, over towers of arithmetic.
#include "lseg_support.h"

#include "heads/lseg_draw.h"
#include "image/pictures.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::DotTowers;
using test::expect_error;
using test::lseg_rule;

constexpr auto kBad = ErrorCode::kInvalidArgument;

LsegHead head(const LsegBlock& block = {}, const LsegRule& rule = lseg_rule()) {
  return {test::lseg_spec(), {"{}"}, rule, block};
}

PredictOptions asking(Protocol protocol, bool scores = false) {
  PredictOptions options;
  options.protocol = protocol;
  options.scores = scores;
  return options;
}

Image picture_of(std::int64_t width, std::int64_t height) {
  return test::synthetic(PixelMode::kRGB, "smooth", 3, width, height);
}

Segmentation answer_of(const LsegHead& head, const Image& picture, const TextState& text,
                       const PredictOptions& options, const Towers& towers) {
  const ImageView view = picture;
  const auto state = head.encode({&view, 1}, towers, options).front();
  return std::get<Segmentation>(head.predict(state, text, towers, options));
}

const std::vector<std::string> kLabels{"cat", "grass", "lorry", "dog", "other"};

const LsegBlock kBottleneck{.kind = LsegBlock::Kind::kBottleneck,
                            .activation = LsegBlock::Activation::kLeakyRelu,
                            .depth = 3,
                            .weight = {0.1F, -0.2F, 0.3F, 0.4F, -0.5F, 0.2F, 0.1F, 0.3F, -0.1F},
                            .bias = 0.25F};
const LsegBlock kDepthwise{.kind = LsegBlock::Kind::kDepthwise,
                           .activation = LsegBlock::Activation::kTanh,
                           .depth = 2,
                           .weight = {-0.1F, 0.2F, 0.3F, 0.4F, 0.9F, -0.2F, 0.1F, 0.3F, 0.2F},
                           .bias = -0.5F};
const LsegBlock kRectified{.kind = LsegBlock::Kind::kBottleneck,
                           .activation = LsegBlock::Activation::kRelu,
                           .depth = 2,
                           .weight = {-0.1F, 0.2F, -0.3F, 0.4F, 0.9F, -0.2F, 0.1F, -0.3F, 0.2F},
                           .bias = -1.5F};

struct Shape {
  std::int64_t width, height;
  Protocol protocol;
  LsegBlock block{};
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.width << " x " << shape.height
       << (shape.protocol == Protocol::kSingle ? ", single" : ", official") << ", block "
       << static_cast<int>(shape.block.kind);
}

class LsegPictures : public testing::TestWithParam<Shape> {};

// Logits, of at most 14.3 and six times their sum, are held to 1e-4: both sides round sums of f32
// in their own order. Pixels whose two best labels are nearer than that may get either.
TEST_P(LsegPictures, AreLabelledAsTheOfficialEvaluationDoes) {
  const auto& [width, height, protocol, block] = GetParam();
  const DotTowers towers;
  const Image picture = picture_of(width, height);
  const auto text = head(block).prepare({.labels = kLabels}, towers);
  const auto& bank = std::get<ClassBank>(text);
  const auto answer = answer_of(head(block), picture, text, asking(protocol), towers);
  const auto scored = answer_of(head(block), picture, text, asking(protocol, true), towers);
  ASSERT_EQ(answer.width, width);
  ASSERT_EQ(answer.height, height);
  EXPECT_EQ(answer.labels, kLabels);
  EXPECT_TRUE(answer.scores.empty());
  const auto expected = protocol == Protocol::kSingle
                            ? test::single_logits(picture, bank, lseg_rule(), block)
                            : test::official_logits(picture, bank, lseg_rule(), block);
  ASSERT_EQ(scored.scores.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(scored.scores[i], expected[i], 1e-4) << i;
  }
  const auto pixels = static_cast<std::size_t>(width * height);
  std::vector<int> seen(kLabels.size());
  for (std::size_t p = 0; p < pixels; ++p) {
    std::vector<float> values;
    for (std::size_t k = 0; k < kLabels.size(); ++k) values.push_back(expected[k * pixels + p]);
    const auto best = std::ranges::max_element(values) - values.begin();
    ++seen[static_cast<std::size_t>(best)];
    for (const std::int32_t label : {answer.map[p], scored.map[p]}) {
      ASSERT_GE(label, 0);
      EXPECT_NEAR(values[static_cast<std::size_t>(label)], values[static_cast<std::size_t>(best)],
                  1e-4)
          << p;
    }
  }
  if (pixels > 1000) {
    EXPECT_GE(std::ranges::count_if(seen, [](int n) { return n > 0; }), 2);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, LsegPictures,
    testing::Values(
        Shape{48, 48, Protocol::kSingle}, Shape{61, 40, Protocol::kSingle},
        Shape{40, 611, Protocol::kSingle}, Shape{1100, 530, Protocol::kSingle},
        Shape{7, 9, Protocol::kSingle}, Shape{1, 1, Protocol::kSingle},
        Shape{500, 10, Protocol::kSingle}, Shape{300, 90, Protocol::kSingle, kBottleneck},
        Shape{61, 40, Protocol::kSingle, kDepthwise}, Shape{90, 170, Protocol::kSingle, kRectified},
        Shape{61, 40, Protocol::kOfficial}, Shape{40, 61, Protocol::kOfficial},
        Shape{130, 130, Protocol::kOfficial}, Shape{1, 1, Protocol::kOfficial},
        Shape{3, 150, Protocol::kOfficial}, Shape{150, 3, Protocol::kOfficial},
        Shape{2, 400, Protocol::kOfficial}, Shape{80, 61, Protocol::kOfficial, kBottleneck},
        Shape{61, 80, Protocol::kOfficial, kDepthwise}));

TEST(LsegFramesTest, KeepTheAspectInLegalSides) {
  LsegRule rule = lseg_rule();
  rule.single_size = 480;
  rule.size_multiple = 32;
  const auto sides = [&](std::int64_t width, std::int64_t height) {
    const PlaneSize frame = single_frame(rule, width, height);
    return std::pair(frame.width, frame.height);
  };
  EXPECT_EQ(sides(640, 480), std::pair(480L, 352L));  // 360 lies between 352 and 384
  EXPECT_EQ(sides(480, 640), std::pair(352L, 480L));
  EXPECT_EQ(sides(100, 100), std::pair(480L, 480L));
  EXPECT_EQ(sides(5000, 100), std::pair(480L, 32L));
  EXPECT_EQ(sides(1, 4000), std::pair(32L, 480L));
}

// 512 x 683: 18 windows, 36 with their mirror images.
TEST(LsegFramesTest, CountTheOfficialWindows) {
  const LsegRule rule{.base_size = 520,
                      .crop_size = 480,
                      .stride = 320,
                      .scales = {0.5, 0.75, 1, 1.25, 1.5, 1.75},
                      .flip = true,
                      .single_size = 480,
                      .size_multiple = 32};
  EXPECT_EQ(count_windows(rule, 683, 512), 18);
  EXPECT_EQ(count_windows(rule, 512, 683), 18);
  const PlaneSize frame = scaled_frame(rule, 1.75, 683, 512);
  EXPECT_EQ(frame.width, 910);
  EXPECT_EQ(frame.height, 682);
  EXPECT_EQ(window_starts(rule, 910), (std::vector<std::int64_t>{0, 320, 640}));
  EXPECT_EQ(window_starts(rule, 800), (std::vector<std::int64_t>{0, 320}));
  EXPECT_EQ(window_starts(rule, 801), (std::vector<std::int64_t>{0, 320, 640}));
}

TEST(LsegHeadTest, SplitsWindowsAsTheTowerTakesThem) {
  const Image picture = picture_of(90, 70);
  std::vector<std::vector<std::int32_t>> maps;
  for (const std::int64_t batch : {1, 2, 3, 32}) {
    const DotTowers towers(batch);
    const auto text = head().prepare({.labels = kLabels}, towers);
    maps.push_back(answer_of(head(), picture, text, asking(Protocol::kOfficial), towers).map);
    EXPECT_EQ(maps.back(), maps.front());
  }
}

TEST(LsegHeadTest, AsksTheTowerOnceForManyQuestions) {
  const DotTowers towers;
  const Image picture = picture_of(90, 70);
  const ImageView view = picture;
  const auto state = head().encode({&view, 1}, towers, {}).front();
  EXPECT_EQ(towers.batches_.size(), 1U);
  for (const auto& labels : {kLabels, std::vector<std::string>{"sky", "sea"}}) {
    const auto text = head().prepare({.labels = labels}, towers);
    head().predict(state, text, towers, {});
  }
  EXPECT_EQ(towers.batches_.size(), 1U);
}

TEST(LsegHeadTest, TakesPixelsOfLegalSizesOnly) {
  const DotTowers towers;
  const auto text = head().prepare({.labels = kLabels}, towers);
  const Image picture = picture_of(61, 40);
  const auto pixels = test::scaled_pixels(picture, {40, 64});
  const auto states = head().encode_pixels(Tensor::from({1, 3, 40, 64}, pixels), towers, {});
  const auto answer = std::get<Segmentation>(head().predict(states.front(), text, towers, {}));
  EXPECT_EQ(answer.width, 64);
  EXPECT_EQ(answer.height, 40);
  EXPECT_EQ(answer.map.size(), 64U * 40U);
  const auto refuses = [&](std::vector<std::int64_t> shape, std::string_view part) {
    std::int64_t count = 1;
    for (const std::int64_t side : shape) count *= side;
    const Tensor wrong = Tensor::from(shape, std::vector<float>(static_cast<std::size_t>(count)));
    expect_error(kBad, part, [&] { head().encode_pixels(wrong, towers, {}); });
  };
  refuses({1, 3, 36, 64}, "multiples of 8, got 36 x 64");
  refuses({1, 3, 8, 4}, "multiples of 8, got 8 x 4");
  refuses({1, 4, 8, 8}, "expected pixels [B, 3, H, W], got [1, 4, 8, 8]");
  expect_error(ErrorCode::kUnsupported, "a picture for the official protocol", [&] {
    head().encode_pixels(Tensor::from({1, 3, 40, 64}, pixels), towers, asking(Protocol::kOfficial));
  });
}

TEST(LsegHeadTest, AnswersOneLabelAndAThousand) {
  const DotTowers towers;
  const Image picture = picture_of(70, 50);
  const auto one = head().prepare({.labels = {"cat"}}, towers);
  EXPECT_EQ(answer_of(head(), picture, one, {}, towers).map, std::vector<std::int32_t>(70 * 50, 0));
  std::vector<std::string> labels;
  for (int i = 0; i < 1000; ++i) labels.push_back("label " + std::to_string(i));
  const auto many = head().prepare({.labels = labels}, towers);
  for (const LsegBlock& block : {LsegBlock{}, kDepthwise}) {
    const auto plain = answer_of(head(block), picture, many, {}, towers).map;
    const auto scored = answer_of(head(block), picture, many, asking({}, true), towers);
    EXPECT_EQ(plain, scored.map);
    EXPECT_GT(std::ranges::max(plain), 200);  // of another group of labels than the first
  }
}

TEST(LsegHeadTest, GivesEqualLabelsToTheFirst) {
  const DotTowers towers;
  auto bank = std::get<ClassBank>(head().prepare({.labels = kLabels}, towers));
  std::vector<float> rows;
  for (int k = 0; k < 5; ++k) {
    const auto first = bank.rows.floats().first(test::kLsegDim);
    rows.insert(rows.end(), first.begin(), first.end());
  }
  bank.rows = Tensor::from({5, test::kLsegDim}, rows);
  EXPECT_EQ(answer_of(head(), picture_of(50, 50), bank, {}, towers).map,
            std::vector<std::int32_t>(2500, 0));
}

TEST(LsegHeadTest, RefusesWordsAndStatesItCannotUse) {
  const DotTowers towers;
  expect_error(kBad, "label 2 repeats \"cat\"", [&] {
    head().prepare({.labels = {"cat", "dog", "cat"}}, towers);
  });
  expect_error(kBad, "at least one label", [&] { head().prepare({.labels = {}}, towers); });
  const auto text = head().prepare({.labels = kLabels}, towers);
  expect_error(kBad, "without map and picture", [&] { head().predict({}, text, towers, {}); });
  const Image picture = picture_of(50, 50);
  const ImageView view = picture;
  const auto state = head().encode({&view, 1}, towers, {}).front();
  expect_error(kBad, "encoded for the official protocol",
               [&] { head().predict(state, text, towers, asking(Protocol::kOfficial)); });
  expect_error(kBad, "prompts of another head", [&] {
    head().predict(state, PromptSet{{"a"}, {}}, towers, {});
  });
  auto bank = std::get<ClassBank>(text);
  bank.rows = Tensor::from({5, test::kLsegDim}, std::vector<float>(5 * test::kLsegDim, NAN));
  expect_error(kBad, "expected finite embeddings",
               [&] { head().predict(state, bank, towers, {}); });
  ImageState nan = state;
  std::vector<float> values(state.tensors.at("map").floats().begin(),
                            state.tensors.at("map").floats().end());
  values[37] = NAN;
  nan.tensors["map"] = Tensor::from({test::kLsegDim, 24, 24}, values);
  expect_error(kBad, "expected finite logits", [&] { head().predict(nan, text, towers, {}); });
}

TEST(LsegHeadTest, StopsBetweenWindowsAndTellsHowManyThereAre) {
  const DotTowers towers(2);
  const Image picture = picture_of(90, 70);
  const auto text = head().prepare({.labels = kLabels}, towers);
  std::vector<std::pair<std::int64_t, std::int64_t>> told;
  PredictOptions options = asking(Protocol::kOfficial);
  options.progress = [&](std::int64_t done, std::int64_t total) { told.emplace_back(done, total); };
  answer_of(head(), picture, text, options, towers);
  const std::int64_t total = count_windows(lseg_rule(), 90, 70);
  ASSERT_EQ(std::ssize(told), total);
  EXPECT_EQ(told.front(), std::pair(std::int64_t{1}, total));
  EXPECT_EQ(told.back(), std::pair(total, total));
  std::stop_source source;
  options.stop = source.get_token();
  options.progress = [&](std::int64_t done, std::int64_t) {
    if (done == 2) source.request_stop();
  };
  towers.batches_.clear();
  expect_error(ErrorCode::kCancelled, "",
               [&] { answer_of(head(), picture, text, options, towers); });
  EXPECT_EQ(towers.batches_.size(), 2U);
}

}  // namespace
}  // namespace glint
