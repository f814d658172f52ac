// packages/groupvit.glint against what the official evaluation makes of the same weights
// (tests/golden/make_groupvit.py), stage by stage.
//
// Bounds are the contract's: embeddings 1e-5 of the largest value, logits 1e-4, probabilities 1e-5,
// and 99.9 % of a map's pixels.
#include <glint/resize.h>
#include <glint/similarity.h>

#include "heads/golden_package.h"
#include "heads/groupvit_classes.h"

namespace glint {
namespace {

using test::Json;

const std::string kPackage = test::kGolden + "/packages/groupvit.glint";

const Model& model() {
  static const Model loaded = Model::load(kPackage);
  return loaded;
}

const Json& golden() {
  static const Json loaded = test::read_golden("groupvit.json");
  return loaded;
}

Image picture(const Json& name) {
  return load_image(test::kGolden + "/groupvit/" + name.get<std::string>());
}

PredictOptions asking(const Json& one) {
  PredictOptions options;
  options.task = "segment";
  options.protocol = one["protocol"] == "official" ? Protocol::kOfficial : Protocol::kSingle;
  options.scores = true;
  return options;
}

// The bank's rows without that of the background.
std::vector<float> encoded_rows(const ClassBank& bank) {
  std::vector<float> rows;
  const auto all = bank.rows.floats();
  const std::size_t dim = all.size() / bank.labels.size();
  for (std::size_t k = 0; k < bank.labels.size(); ++k) {
    if (bank.labels[k] == "background") continue;
    rows.insert(rows.end(), all.begin() + static_cast<std::ptrdiff_t>(k * dim),
                all.begin() + static_cast<std::ptrdiff_t>((k + 1) * dim));
  }
  return rows;
}

TEST(GroupVitGoldenTest, ClassifiesAsTheOfficialCode) {
  const Json& expected = golden()["classes"];
  const test::Labels labels = expected["labels"];
  const auto text = model().prepare(TextQuery{.labels = labels}, "classify");
  test::expect_embeddings(std::get<ClassBank>(text).rows.floats(), expected["bank"]);
  const double scale = model().manifest().logit.scale;
  for (std::size_t i = 0; i < expected["pictures"].size(); ++i) {
    const auto logits = test::logits_of(
        model().predict(picture(expected["pictures"][i]), text, test::everything("classify")));
    ASSERT_EQ(logits.size(), labels.size());
    for (std::size_t k = 0; k < logits.size(); ++k) {
      EXPECT_NEAR(logits[k], scale * expected["cosines"][i][k].get<double>(), 1e-4);
    }
  }
}

class GroupVitGolden : public testing::TestWithParam<std::string> {
 protected:
  const Json& one() const { return golden()["cases"][GetParam()]; }
  TextState text() const {
    return model().prepare(TextQuery{.labels = one()["labels"]}, "segment");
  }
  ImageState state() const { return model().encode(picture(one()["picture"]), asking(one())); }
};

TEST_P(GroupVitGolden, EncodesTheLabels) {
  const auto bank = std::get<ClassBank>(text());
  EXPECT_EQ(bank.labels, one()["labels"].get<test::Labels>());
  test::expect_embeddings(encoded_rows(bank), one()["bank"]);
}

TEST_P(GroupVitGolden, GivesEachPixelOfAWindowItsGroup) {
  const ImageState encoded = state();
  const auto layout = encoded.tensors.at("layout").ints();
  EXPECT_EQ(layout[0], one()["resized"][0]);
  EXPECT_EQ(layout[1], one()["resized"][1]);
  const Tensor& maps = encoded.tensors.at("maps");
  const Json& windows = one()["windows"];
  ASSERT_EQ(static_cast<std::size_t>(maps.dim(0)), windows.size());
  const auto groups = static_cast<std::size_t>(maps.dim(1));
  const PlaneSize grid{maps.dim(2), maps.dim(3)}, size{layout[2], layout[3]};
  const auto pixels = static_cast<std::size_t>(size.height * size.width);
  std::size_t wrong = 0;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    EXPECT_EQ(windows[w]["size"], Json({size.height, size.width}));
    std::vector<float> large(groups * pixels);
    const std::size_t part = maps.floats().size() / windows.size();
    resize_bilinear(maps.floats().subspan(w * part, part), grid, large, size, false);
    for (std::size_t p = 0; p < pixels; ++p) {
      std::size_t best = 0;
      for (std::size_t g = 1; g < groups; ++g) {
        if (large[g * pixels + p] > large[best * pixels + p]) best = g;
      }
      const auto width = static_cast<std::size_t>(size.width);
      const auto row = windows[w]["groups"][p / width].get<std::string>();
      if (row[p % width] != static_cast<char>('0' + best)) ++wrong;
    }
  }
  EXPECT_LE(static_cast<double>(wrong),
            0.001 * static_cast<double>(pixels) * static_cast<double>(windows.size()));
}

TEST_P(GroupVitGolden, GivesEachGroupOfAWindowItsClasses) {
  const ImageState encoded = state();
  const auto bank = std::get<ClassBank>(text());
  const GroupVitWords words = words_of(bank, "background");
  const double scale = model().manifest().logit.scale;
  const GroupVitRule rule{.top_classes = 5, .background_threshold = 0.3F};
  const Tensor& tokens = encoded.tensors.at("tokens");
  const auto groups = static_cast<std::size_t>(tokens.dim(1));
  const auto dim = static_cast<std::size_t>(tokens.dim(2));
  for (std::size_t w = 0; w < one()["windows"].size(); ++w) {
    const Json& expected = one()["windows"][w];
    const auto of_window = tokens.floats().subspan(w * groups * dim, groups * dim);
    std::vector<float> units(of_window.begin(), of_window.end());
    normalize_rows(units, tokens.dim(2));
    std::vector<float> cosines(groups * words.positions.size());
    dot_matrix(units, words.rows, tokens.dim(2), cosines);
    const auto classes = classes_of_groups(
        of_window, encoded.tensors.at("means").floats().subspan(w * dim, dim), words, scale, rule);
    ASSERT_EQ(classes.size(), groups);
    for (std::size_t g = 0; g < groups; ++g) {
      std::vector<double> matrix(bank.labels.size());
      for (const auto& [label, value] : classes[g]) {
        matrix[static_cast<std::size_t>(label)] = value;
      }
      for (std::size_t k = 0; k < words.positions.size(); ++k) {
        EXPECT_NEAR(scale * cosines[g * words.positions.size() + k],
                    expected["affinity"][g][k].get<double>(), 1e-4);
        EXPECT_NEAR(matrix[static_cast<std::size_t>(words.positions[k])],
                    expected["matrix"][g][k].get<double>(), 1e-5)
            << "window " << w << ", group " << g << ", " << k;
      }
    }
  }
}

TEST_P(GroupVitGolden, LabelsThePicture) {
  const auto answer = std::get<Segmentation>(model().predict(state(), text(), asking(one())));
  EXPECT_EQ(answer.labels, one()["labels"].get<test::Labels>());
  const auto width = static_cast<std::size_t>(answer.width);
  const std::size_t pixels = answer.map.size();
  ASSERT_EQ(one()["map"].size() * width, pixels);
  std::size_t wrong = 0;
  for (std::size_t p = 0; p < pixels; ++p) {
    const auto row = one()["map"][p / width].get<std::string>();
    if (row[p % width] != static_cast<char>('0' + answer.map[p])) ++wrong;
  }
  EXPECT_LE(static_cast<double>(wrong), 0.001 * static_cast<double>(pixels));
  for (std::size_t i = 0; i < one()["points"].size(); ++i) {
    const std::size_t y = one()["points"][i][0], x = one()["points"][i][1];
    for (std::size_t k = 0; k < answer.labels.size(); ++k) {
      EXPECT_NEAR(answer.scores[k * pixels + y * width + x], one()["scores"][i][k].get<double>(),
                  1e-5)
          << "at " << x << ", " << y << ", label " << k;
    }
  }
}

TEST_P(GroupVitGolden, AnswersAloneAsInABatchAndWithoutScores) {
  const Image image = picture(one()["picture"]);
  const std::vector<ImageView> three(3, image);
  PredictOptions options = asking(one());
  const auto with_scores = std::get<Segmentation>(model().predict(image, text(), options));
  options.scores = false;
  for (const Prediction& answer : model().predict(three, text(), options)) {
    EXPECT_EQ(std::get<Segmentation>(answer).map, with_scores.map);
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, one] : golden()["cases"].items()) all.push_back(name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Cases, GroupVitGolden, testing::ValuesIn(names()), [](const auto& given) {
  std::string name = given.param;
  std::erase_if(name, [](char c) { return c == ' ' || c == ','; });
  return name;
});

TEST(GroupVitBankTest, BelongsToItsTask) {
  const auto classify = model().prepare(TextQuery{.labels = {"cat", "dog"}}, "classify");
  const Image image = picture("wide.png");
  PredictOptions options;
  options.task = "segment";
  try {
    model().predict(image, classify, options);
    ADD_FAILURE() << "expected a refusal";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("other heads made"), std::string::npos);
  }
}

}  // namespace
}  // namespace glint
