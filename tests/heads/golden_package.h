// A package of tests/golden, the answers of the released code that lie beside it, and how a model's
// are compared with them.
//
// Bounds are the contract's: 1e-4 on logits, for logits of up to 100 in f32; on embeddings 1e-5 of
// the largest value.
#pragma once

#include <glint/glint.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace glint::test {

using Json = nlohmann::json;
using Labels = std::vector<std::string>;

inline const std::string kGolden = std::string(GLINT_TEST_DATA) + "/golden";

inline Json read_golden(const std::string& name) {
  return Json::parse(std::ifstream(kGolden + "/" + name));
}

inline PredictOptions everything(const std::string& task) {
  PredictOptions options;
  options.task = task;
  options.top_k = 0;
  return options;
}

// Of the package's reference.
inline std::vector<Image> pictures_of(const Model& model) {
  std::vector<Image> all;
  for (const std::string& file : model.manifest().reference.images) {
    all.push_back(load_image(model.package().path() + "/" + file));
  }
  return all;
}

// By position of the label.
inline std::vector<float> logits_of(const Prediction& answer) {
  const auto& scores = std::get<Classification>(answer).scores;
  std::vector<float> logits(scores.size());
  for (const ClassScore& score : scores) {
    logits[static_cast<std::size_t>(score.index)] = score.logit;
  }
  return logits;
}

// The answers for all of the package's pictures and `labels` (none: the package's classes).
inline std::vector<std::vector<float>> answers_of(const Model& model, const std::string& task,
                                                  const Labels& labels = {}) {
  const auto images = pictures_of(model);
  const std::vector<ImageView> views(images.begin(), images.end());
  const auto text = model.prepare(TextQuery{.labels = labels}, task);
  std::vector<std::vector<float>> logits;
  for (const Prediction& answer : model.predict(views, text, everything(task))) {
    logits.push_back(logits_of(answer));
  }
  return logits;
}

inline void expect_logits(const std::vector<std::vector<float>>& logits, const Json& expected) {
  ASSERT_EQ(logits.size(), expected.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    ASSERT_EQ(logits[i].size(), expected[i].size());
    for (std::size_t k = 0; k < logits[i].size(); ++k) {
      EXPECT_NEAR(logits[i][k], expected[i][k].get<double>(), 1e-4) << "image " << i << ", " << k;
    }
  }
}

// values [N, D]
inline void expect_embeddings(std::span<const float> values, const Json& expected) {
  std::vector<float> wanted;
  for (const Json& row : expected) {
    for (const Json& value : row) wanted.push_back(value);
  }
  ASSERT_EQ(values.size(), wanted.size());
  float largest = 0;
  for (const float value : wanted) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(values[i], wanted[i], 1e-5F * largest) << i;
  }
}

}  // namespace glint::test
