// packages/lseg*.glint against what the released code makes of the same weights
// (tests/golden/make_lseg.py), stage by stage.
//
// Bounds are the contract's: embeddings 1e-5 of the largest value, logits 1e-4, and all pixels of a
// map but those whose two best logits differ by less than 1e-3, which the golden leaves open.
#include "heads/golden_package.h"
#include "heads/lseg_block.h"
#include "heads/lseg_frames.h"

namespace glint {
namespace {

using test::Json;

const Json& golden() {
  static const Json loaded = test::read_golden("lseg.json");
  return loaded;
}

const Model& model(const std::string& name) {
  static std::map<std::string, Model> loaded;
  const auto found = loaded.find(name);
  if (found != loaded.end()) return found->second;
  return loaded.emplace(name, Model::load(test::kGolden + "/packages/" + name + ".glint"))
      .first->second;
}

LsegBlock block_of(const Json& one) {
  LsegBlock block;
  block.kind = static_cast<LsegBlock::Kind>(one["arch_option"].get<int>());
  const std::vector<std::string> activations{"relu", "lrelu", "tanh"};
  block.activation = static_cast<LsegBlock::Activation>(
      std::ranges::find(activations, one["activation"].get<std::string>()) - activations.begin());
  block.depth = std::max(1, one["block_depth"].get<int>());
  for (std::size_t i = 0; i < 9; ++i) block.weight[i] = one["weight"][i];
  block.bias = one["bias"];
  return block;
}

// Logits of labels are what a map of as many numbers a pixel says of unit vectors.
TEST(LsegGoldenTest, AppliesBlocksAsTheReleasedCode) {
  for (const Json& one : golden()["blocks"]) {
    const std::int64_t labels = std::ssize(one["logits"]);
    const std::int64_t height = std::ssize(one["logits"][0]);
    const std::int64_t width = std::ssize(one["logits"][0][0]);
    std::vector<float> values, units(static_cast<std::size_t>(labels * labels));
    for (const Json& plane : one["logits"]) {
      for (const Json& row : plane) {
        for (const Json& value : row) values.push_back(value);
      }
    }
    ClassBank bank;
    bank.labels.resize(static_cast<std::size_t>(labels));
    for (std::int64_t k = 0; k < labels; ++k) units[static_cast<std::size_t>(k * labels + k)] = 1;
    bank.rows = Tensor::from({labels, labels}, units);
    const LsegWords words(bank, 1, 0);
    const LsegBlock block = block_of(one);
    const PixelMap map{values, labels, height, width};
    // The whole map, and parts of it.
    for (const PixelRegion& region :
         {PixelRegion{0, height, 0, width}, PixelRegion{1, 3, 2, 5}, PixelRegion{4, 5, 0, 1}}) {
      BlockedLogits blocked(words, block);
      blocked.reserve(region.height(), region.width());
      blocked.compute(map, region);
      for (std::int64_t k = 0; k < labels; ++k) {
        for (std::int64_t y = region.top; y < region.bottom; ++y) {
          for (std::int64_t x = region.left; x < region.right; ++x) {
            EXPECT_NEAR(blocked.row(k, y)[x - region.left], one["out"][k][y][x].get<double>(), 1e-4)
                << one["arch_option"] << one["block_depth"] << one["activation"];
          }
        }
      }
    }
  }
}

TEST(LsegGoldenTest, CutsWindowsAsTheReleasedCode) {
  for (const Json& one : golden()["windows"]) {
    const std::int64_t crop = one["crop"];
    const LsegRule rule{.base_size = one["base"],
                        .crop_size = crop,
                        .stride = static_cast<std::int64_t>(static_cast<double>(crop) * (2.0 / 3)),
                        .scales = {0.5, 0.75, 1, 1.25, 1.5, 1.75}};
    ASSERT_EQ(one["scales"].size(), rule.scales.size());
    for (std::size_t i = 0; i < rule.scales.size(); ++i) {
      const Json& expected = one["scales"][i];
      const PlaneSize frame =
          scaled_frame(rule, rule.scales[i], one["picture"][1], one["picture"][0]);
      EXPECT_EQ(expected["size"], Json({frame.height, frame.width}));
      Json windows = Json::array();
      for (const std::int64_t top : window_starts(rule, frame.height)) {
        for (const std::int64_t left : window_starts(rule, frame.width)) {
          windows.push_back({top, left, std::min(top + crop, std::max(frame.height, crop)),
                             std::min(left + crop, std::max(frame.width, crop))});
        }
      }
      if (expected["windows"].empty()) {
        EXPECT_EQ(windows.size(), 1U);
      } else {
        EXPECT_EQ(windows, expected["windows"]) << one["picture"] << rule.scales[i];
      }
    }
  }
}

TEST(LsegGoldenTest, EncodesTheLabels) {
  const auto text = model("lseg").prepare(TextQuery{.labels = golden()["labels"]});
  test::expect_embeddings(std::get<ClassBank>(text).rows.floats(), golden()["bank"]);
}

class LsegGolden : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  const std::string& package() const { return std::get<0>(GetParam()); }
  const Json& one(const char* protocol) const {
    return golden()["cases"][package()][std::get<1>(GetParam())][protocol];
  }
  Image picture() const { return load_image(test::kGolden + "/lseg/" + std::get<1>(GetParam())); }
  TextState text() const {
    return model(package()).prepare(TextQuery{.labels = golden()["labels"]});
  }
  static void expect_points(const Json& expected, std::span<const float> scores,
                            std::int64_t height, std::int64_t width) {
    const auto pixels = static_cast<std::size_t>(height * width);
    ASSERT_EQ(scores.size(), golden()["labels"].size() * pixels);
    for (std::size_t i = 0; i < expected["points"].size(); ++i) {
      const std::int64_t y = expected["points"][i][0], x = expected["points"][i][1];
      for (std::size_t k = 0; k < golden()["labels"].size(); ++k) {
        EXPECT_NEAR(scores[k * pixels + static_cast<std::size_t>(y * width + x)],
                    expected["values"][i][k].get<double>(), 1e-4)
            << "at " << x << ", " << y << ", label " << k;
      }
    }
  }
  static void expect_map(const Json& expected, const Segmentation& answer) {
    const auto width = static_cast<std::size_t>(answer.width);
    ASSERT_EQ(expected.size() * width, answer.map.size());
    std::size_t wrong = 0, sure = 0;
    for (std::size_t p = 0; p < answer.map.size(); ++p) {
      const char digit = expected[p / width].get_ref<const std::string&>()[p % width];
      if (digit == '.') continue;
      ++sure;
      if (digit != static_cast<char>('0' + answer.map[p])) ++wrong;
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_GT(sure, answer.map.size() * 9 / 10);
  }
  Segmentation answered(Protocol protocol, bool scores) const {
    PredictOptions options;
    options.protocol = protocol;
    options.scores = scores;
    return std::get<Segmentation>(model(package()).predict(picture(), text(), options));
  }
};

TEST_P(LsegGolden, GivesTheLogitsOfASinglePass) {
  const Json& expected = one("single");
  PreprocessSpec spec = model(package()).manifest().preprocess.at("default");
  spec.height = expected["resized"][0];
  spec.width = expected["resized"][1];
  const Tensor pixels =
      Tensor::from({1, 3, spec.height, spec.width}, Preprocessor(spec)(picture()));
  const auto states = model(package()).encode_pixels(pixels);
  PredictOptions options;
  options.scores = true;
  const auto doubled =
      std::get<Segmentation>(model(package()).predict(states.front(), text(), options));
  EXPECT_EQ(doubled.height, spec.height);
  EXPECT_EQ(doubled.width, spec.width);
  expect_points(expected["doubled"], doubled.scores, doubled.height, doubled.width);
  const auto whole = answered(Protocol::kSingle, true);
  expect_points(expected["scores"], whole.scores, whole.height, whole.width);
  expect_map(expected["map"], whole);
  expect_map(expected["map"], answered(Protocol::kSingle, false));
}

TEST_P(LsegGolden, EvaluatesAsTheReleasedCode) {
  const Json& expected = one("official");
  const auto answer = answered(Protocol::kOfficial, true);
  expect_points(expected["scores"], answer.scores, answer.height, answer.width);
  expect_map(expected["map"], answer);
  EXPECT_EQ(answered(Protocol::kOfficial, false).map, answer.map);
}

INSTANTIATE_TEST_SUITE_P(Packages, LsegGolden,
                         testing::Combine(testing::Values("lseg", "lseg-option1", "lseg-option2"),
                                          testing::Values("wide.png", "tall.png")),
                         [](const auto& one) {
                           std::string name = std::get<0>(one.param) + "_" + std::get<1>(one.param);
                           std::ranges::replace(name, '-', '_');
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace glint
