// What must follow from published CLIP ViT-B/32 embeddings, with the arithmetic that programs use.
#include <glint/similarity.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/npy.h"

namespace glint::test {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDim = 512;
constexpr std::size_t kClasses = 1203;
const std::string kGoldens = std::string(GLINT_TEST_DATA) + "/golden/real_embeddings/";

Json read_json(const std::string& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

// 100 times the cosine of the image with each class, as CLIP's zero-shot classifier computes it.
std::vector<float> clip_logits(std::vector<float> image, std::vector<float> classes) {
  normalize_rows(image, kDim);
  normalize_rows(classes, kDim);
  std::vector<float> logits(classes.size() / kDim);
  dot_matrix(image, classes, kDim, logits);
  for (float& logit : logits) logit *= 100;
  return logits;
}

// dot_matrix's stated bound for unit rows of 512 numbers, times the scale of 100; the goldens are
// f64. No two neighbours of these rankings are closer than 0.001.
constexpr double kTolerance = 100 * (512.0 / 16 + 16) / (1 << 24);

void expect_logits(const std::vector<float>& logits, const std::vector<std::int64_t>& best,
                   const Json& expected) {
  ASSERT_EQ(best.size(), expected.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    EXPECT_NEAR(logits[static_cast<std::size_t>(best[i])], expected[i].get<double>(), kTolerance);
  }
}

// The rating is the head's published score: the tolerance covers its three decimals.
TEST(RealEmbeddingsTest, AestheticHeadGivesItsTenScores) {
  const auto pictures = read_npy<float>(kGoldens + "aesthetic_embeddings.npy").values;
  const auto weight = read_npy<float>(kGoldens + "aesthetic_weight.npy").values;
  const float bias = read_npy<float>(kGoldens + "aesthetic_bias.npy").values.at(0);
  std::vector<float> scores(10);
  dot_matrix(pictures, weight, kDim, scores);
  const std::vector<double> published{-1.470, 0.273, 1.990, 3.611, 5.087,
                                      6.393,  7.668, 8.915, 9.917, 11.006};
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i] + bias, published[i], 1e-3);
}

TEST(RealEmbeddingsTest, RanksGeneratedClassesAsNumPyDoes) {
  std::uint32_t x = 1;
  std::vector<float> numbers((kClasses + 1) * kDim);
  for (float& number : numbers) {
    x = 1664525 * x + 1013904223;
    number = static_cast<float>(x >> 8) / (1 << 24) - 0.5F;
  }
  const Json golden = read_json(kGoldens + "rankings.json").at("generated");
  const auto logits = clip_logits({numbers.begin(), numbers.begin() + kDim},
                                  {numbers.begin() + kDim, numbers.end()});
  const auto best = top_k(logits, 5);
  EXPECT_EQ(best, golden.at("indices").get<std::vector<std::int64_t>>());
  expect_logits(logits, best, golden.at("logits"));
}

TEST(RealEmbeddingsTest, PhotosRankTheLvisClassesAsNumPyDoes) {
  const char* folder = std::getenv("GLINT_SHARED_DATA");
  if (folder == nullptr) GTEST_SKIP() << "GLINT_SHARED_DATA is not set";
  const std::string data = folder;
  std::vector<std::string> names(kClasses);
  for (const Json& entry : read_json(data + "/class-embeddings/lvis_v1_train_cat_info.json")) {
    names.at(entry.at("id").get<std::size_t>() - 1) = entry.at("name");
  }
  const auto classes = read_npy<Half>(data + "/class-embeddings/lvis_v1_vitb32_a.npy").values;
  const Json goldens = read_json(kGoldens + "rankings.json").at("lvis");
  EXPECT_EQ(goldens.size(), 7U);
  for (const auto& [photo, golden] : goldens.items()) {
    const auto image = read_npy<Half>(data + "/clip-retrieval/" + photo + ".vitb32.npy").values;
    const auto logits = clip_logits({image.begin(), image.end()}, {classes.begin(), classes.end()});
    ASSERT_EQ(logits.size(), kClasses);
    const auto best = top_k(logits, 5);
    std::vector<std::string> best_names;
    for (const auto i : best) best_names.push_back(names[static_cast<std::size_t>(i)]);
    EXPECT_EQ(best_names, golden.at("names").get<std::vector<std::string>>()) << photo;
    expect_logits(logits, best, golden.at("logits"));
    if (photo == "456_123") {
      EXPECT_EQ(best_names.at(0), "kitten");
    }
  }
}

}  // namespace
}  // namespace glint::test
