// Heads of every kind, written outside the library against its public headers, in one package. The
// answers are a plain PyTorch computation's (tests/golden/make_heads.py).
//
// Bounds are the contract's: 1e-4 on logits, 1e-5 on probabilities, 1e-4 on scores and 0.01 pixels
// on boxes; label maps may differ in 0.1 % of the pixels.
#include "own/heads_package.h"

namespace glint {
namespace {

using namespace own;  // NOLINT(google-build-using-namespace)

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

}  // namespace
}  // namespace glint
