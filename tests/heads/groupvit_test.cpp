// The groupvit head against a plain repetition of the official evaluation, over towers of
// arithmetic.
#include "groupvit_support.h"

#include "heads/groupvit_classes.h"
#include "image/pictures.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;
using test::kRule;
using test::PatternTowers;

GroupVitHead head(const GroupVitRule& rule = kRule, const std::string& background = "background") {
  return {test::segment_spec(), {"a {}.", "{}"}, rule, background};
}

PredictOptions asking(Protocol protocol, bool scores = false) {
  PredictOptions options;
  options.protocol = protocol;
  options.scores = scores;
  return options;
}

ImageState encoded(const GroupVitHead& head, const Image& picture, Protocol protocol,
                   const Towers& towers) {
  const ImageView view = picture;
  return head.encode({&view, 1}, towers, asking(protocol)).front();
}

const std::vector<std::string> kLabels{"cat", "background", "lorry", "dog", "bird", "sheep"};

struct Shape {
  std::int64_t width, height;
  Protocol protocol;
  GroupVitRule rule = kRule;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.width << " x " << shape.height << ", short side " << shape.rule.short_side
       << (shape.protocol == Protocol::kSingle ? ", whole" : ", windows");
}

class GroupVitPictures : public testing::TestWithParam<Shape> {};

// Values are held to 1e-5, as the contract's probabilities are; pixels whose two best labels are
// nearer than that may get either.
TEST_P(GroupVitPictures, AreLabelledAsTheOfficialEvaluationDoes) {
  const auto& [width, height, protocol, rule] = GetParam();
  const PatternTowers towers;
  const Image picture = test::synthetic(PixelMode::kRGB, "smooth", 3, width, height);
  for (const bool with_background : {true, false}) {
    auto labels = kLabels;
    if (!with_background) std::erase(labels, "background");
    const auto text = head(rule).prepare({.labels = labels}, towers);
    const auto& bank = std::get<ClassBank>(text);
    const ImageState state = encoded(head(rule), picture, protocol, towers);
    const auto answer =
        std::get<Segmentation>(head(rule).predict(state, text, towers, asking(protocol)));
    const auto scored =
        std::get<Segmentation>(head(rule).predict(state, text, towers, asking(protocol, true)));
    ASSERT_EQ(answer.width, width);
    ASSERT_EQ(answer.height, height);
    EXPECT_TRUE(answer.scores.empty());
    EXPECT_EQ(answer.map, scored.map);

    PreprocessSpec spec = test::segment_spec();
    const PlaneSize frame = scaled_frame(rule, width, height);
    spec.height = frame.height;
    spec.width = frame.width;
    const auto expected = test::slide(Preprocessor(spec)(picture), frame, {height, width}, bank,
                                      with_background ? 1 : -1, rule, protocol);
    ASSERT_EQ(scored.scores.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(scored.scores[i], expected[i], 1e-5) << i;
    }
    const auto pixels = static_cast<std::size_t>(width * height);
    std::vector<int> seen(labels.size());
    for (std::size_t p = 0; p < pixels; ++p) {
      std::size_t best = 0;
      for (std::size_t k = 1; k < labels.size(); ++k) {
        if (expected[k * pixels + p] > expected[best * pixels + p]) best = k;
      }
      const auto got = static_cast<std::size_t>(answer.map[p]);
      ASSERT_NEAR(expected[got * pixels + p], expected[best * pixels + p], 1e-5) << p;
      ++seen[got];
    }
    // The pictures are such that several labels are there, the background among them.
    if (width * height < 100) continue;
    EXPECT_GT(std::ranges::count_if(seen, [](int count) { return count > 0; }), 1);
    if (with_background) {
      EXPECT_GT(seen[1], 0);
    }
  }
}

GroupVitRule with_short_side(std::int64_t side) {
  GroupVitRule rule = kRule;
  rule.short_side = side;
  return rule;
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, GroupVitPictures,
    testing::Values(Shape{60, 40, Protocol::kOfficial},   // 72 x 48: two windows
                    Shape{40, 90, Protocol::kOfficial},   // 48 x 108: four, the last moved inward
                    Shape{48, 48, Protocol::kOfficial},   // as it is
                    Shape{100, 20, Protocol::kOfficial},  // 160 x 32: windows of less than the crop
                    Shape{320, 240, Protocol::kOfficial},  // made smaller
                    Shape{9, 8, Protocol::kOfficial},
                    Shape{64, 50, Protocol::kOfficial, with_short_side(100)},  // in two dimensions
                    Shape{60, 40, Protocol::kSingle}, Shape{31, 97, Protocol::kSingle}));

TEST(GroupVitWindowsTest, AreThoseOfMmseg) {
  const GroupVitRule rule{.short_side = 448, .long_side = 2048, .crop_size = 448, .stride = 224};
  const auto frame = scaled_frame(rule, 683, 512);  // 597.6
  EXPECT_EQ(frame.height, 448);
  EXPECT_EQ(frame.width, 598);
  const auto windows = windows_of(rule, frame, Protocol::kOfficial);
  ASSERT_EQ(windows.places.size(), 2U);
  EXPECT_EQ(windows.places[1].left, 598 - 448);
  EXPECT_EQ(scaled_frame(rule, 3000, 500).width, 2048);  // the longer side decides
  EXPECT_EQ(scaled_frame(rule, 3000, 500).height, 341);  // 341.3
  EXPECT_EQ(windows_of(rule, {448, 896}, Protocol::kOfficial).places.size(), 3U);
  EXPECT_EQ(windows_of(rule, {448, 897}, Protocol::kOfficial).places.size(), 4U);
  EXPECT_EQ(windows_of(rule, {448, 897}, Protocol::kSingle).places.size(), 1U);
}

TEST(GroupVitHeadTest, ManyPicturesGetTheAnswersOfEach) {
  const PatternTowers towers(4), single(1);
  const auto text = head().prepare({.labels = kLabels}, towers);
  std::vector<Image> pictures;
  for (const auto& [width, height] : {std::pair<int, int>{60, 40}, {40, 90}, {100, 20}, {60, 40}}) {
    pictures.push_back(test::synthetic(PixelMode::kRGB, "smooth", 5, width, height));
  }
  const std::vector<ImageView> views(pictures.begin(), pictures.end());
  std::vector<std::int64_t> steps;
  PredictOptions options = asking(Protocol::kOfficial);
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 2 + 4 + 6 + 2);
    steps.push_back(done);
  };
  const auto states = head().encode(views, towers, options);
  // Windows of one size share a call, also those of different pictures.
  EXPECT_EQ(towers.batches_, (std::vector<std::int64_t>{4, 2, 4, 2, 2}));
  EXPECT_EQ(steps, (std::vector<std::int64_t>{4, 6, 10, 12, 14}));
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto alone = encoded(head(), pictures[i], Protocol::kOfficial, single);
    EXPECT_EQ(std::get<Segmentation>(head().predict(states[i], text, towers, options)).map,
              std::get<Segmentation>(head().predict(alone, text, towers, options)).map);
  }
}

TEST(GroupVitHeadTest, TakesPixelsThatTheCallerPreprocessed) {
  const PatternTowers towers;
  const auto text = head().prepare({.labels = kLabels}, towers);
  const Image picture = test::synthetic(PixelMode::kRGB, "smooth", 7, 72, 48);  // keeps its size
  PreprocessSpec spec = test::segment_spec();
  spec.width = 72;
  const Tensor pixels = Tensor::from({1, 3, 48, 72}, Preprocessor(spec)(picture));
  const auto options = asking(Protocol::kOfficial);
  const auto states = head().encode_pixels(pixels, towers, options);
  ASSERT_EQ(states.size(), 1U);
  const auto answer = std::get<Segmentation>(head().predict(states[0], text, towers, options));
  EXPECT_EQ(answer.width, 72);
  const auto state = encoded(head(), picture, Protocol::kOfficial, towers);
  EXPECT_EQ(answer.map, std::get<Segmentation>(head().predict(state, text, towers, options)).map);
  expect_error(ErrorCode::kInvalidArgument, "expected pixels [B, 3, H, W]", [&] {
    head().encode_pixels(pixels.reshape({3, 48, 72}), towers, options);
  });
}

TEST(GroupVitHeadTest, TheBackgroundIsNeverEncodedAndItsRowIgnored) {
  const PatternTowers towers;
  auto bank = std::get<ClassBank>(head().prepare({.labels = kLabels}, towers));
  ASSERT_EQ(bank.labels, kLabels);
  const auto others = std::get<ClassBank>(
      head().prepare({.labels = {"cat", "lorry", "dog", "bird", "sheep"}}, towers));
  const auto rows = bank.rows.floats();
  EXPECT_TRUE(std::ranges::equal(rows.first(6), others.rows.floats().first(6)));
  EXPECT_TRUE(std::ranges::equal(rows.subspan(12), others.rows.floats().subspan(6)));
  const Image picture = test::synthetic(PixelMode::kRGB, "smooth", 3, 60, 40);
  const auto state = encoded(head(), picture, Protocol::kOfficial, towers);
  const auto map = [&](const ClassBank& of) {
    return std::get<Segmentation>(head().predict(state, of, towers, {})).map;
  };
  const auto expected = map(bank);
  std::vector<float> changed(rows.begin(), rows.end());
  std::fill_n(changed.begin() + 6, 6, 0.9F);
  bank.rows = Tensor::from({6, 6}, changed);
  EXPECT_EQ(map(bank), expected);
  // To a package without a background the word is one like any other.
  const auto word = std::get<ClassBank>(head(kRule, "").prepare({.labels = kLabels}, towers));
  EXPECT_NE(word.rows.floats()[6], 0);
}

TEST(GroupVitHeadTest, AnswersOneLabelAndAThousand) {
  const PatternTowers towers;
  const Image picture = test::synthetic(PixelMode::kRGB, "smooth", 3, 60, 40);
  const auto state = encoded(head(), picture, Protocol::kOfficial, towers);
  const auto one = head().prepare({.labels = {"cat"}}, towers);
  const auto answer = std::get<Segmentation>(head().predict(state, one, towers, {}));
  EXPECT_EQ(answer.map, std::vector<std::int32_t>(60 * 40, 0));
  std::vector<std::string> labels;
  for (int i = 0; i < 1000; ++i) labels.push_back("label " + std::to_string(i));
  labels.push_back("background");
  const auto many = head().prepare({.labels = labels}, towers);
  const auto map = std::get<Segmentation>(head().predict(state, many, towers, {})).map;
  EXPECT_GT(std::ranges::count(map, 1000), 0);
  EXPECT_LT(std::ranges::max(map), 1001);
}

TEST(GroupVitHeadTest, RefusesWordsAndPicturesItCannotAnswer) {
  const auto bad = ErrorCode::kInvalidArgument;
  const PatternTowers towers;
  expect_error(bad, "expected a label besides \"background\"",
               [&] { head().prepare({.labels = {"background"}}, towers); });
  expect_error(bad, "label 2 repeats \"cat\"", [&] {
    head().prepare({.labels = {"cat", "dog", "cat"}}, towers);
  });
  expect_error(bad, "at least one label", [&] { head().prepare({.labels = {}}, towers); });
  const auto refuses = [&](std::int64_t width, std::int64_t height, std::string_view part) {
    const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, width, height);
    expect_error(bad, part, [&] { encoded(head(), picture, Protocol::kOfficial, towers); });
  };
  refuses(1000, 20, "at least 8 pixels (a patch) where the longer one has 160, got 1000 x 20");
  refuses(2, 100, "which becomes 3 x 160");
  EXPECT_NO_THROW(encoded(head(), test::synthetic(PixelMode::kRGB, "noise", 3, 1, 1),
                          Protocol::kOfficial, towers));
  expect_error(bad, "got 8 x 7", [&] {
    head().encode_pixels(Tensor::from({1, 3, 7, 8}, std::vector<float>(168)), towers, {});
  });
}

TEST(GroupVitHeadTest, RefusesStatesAndBanksOfOthers) {
  const auto bad = ErrorCode::kInvalidArgument;
  const PatternTowers towers;
  const auto text = head().prepare({.labels = kLabels}, towers);
  expect_error(bad, "one without layout", [&] { head().predict({}, text, towers, {}); });
  const auto state = encoded(head(), test::synthetic(PixelMode::kRGB, "noise", 3, 60, 40),
                             Protocol::kSingle, towers);
  expect_error(bad, "prompts of another head", [&] {
    head().predict(state, PromptSet{{"a"}, {}}, towers, {});
  });
  auto bank = std::get<ClassBank>(text);
  bank.rows = Tensor::from({6, 6}, std::vector<float>(36, NAN));
  expect_error(bad, "expected finite embeddings", [&] { head().predict(state, bank, towers, {}); });
}

TEST(GroupVitHeadTest, StopsBetweenWindows) {
  const PatternTowers towers(1);
  std::stop_source source;
  PredictOptions options = asking(Protocol::kOfficial);
  options.stop = source.get_token();
  options.progress = [&](std::int64_t done, std::int64_t) {
    if (done == 2) source.request_stop();
  };
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 40, 90);
  const ImageView view = picture;
  expect_error(ErrorCode::kCancelled, "", [&] { head().encode({&view, 1}, towers, options); });
  EXPECT_EQ(towers.batches_.size(), 2U);
  options.progress = {};
  const auto state = encoded(head(), picture, Protocol::kOfficial, towers);
  const auto text = head().prepare({.labels = kLabels}, towers);
  expect_error(ErrorCode::kCancelled, "", [&] { head().predict(state, text, towers, options); });
}

}  // namespace
}  // namespace glint
