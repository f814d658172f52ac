// packages/heads.glint with the heads of this folder, and what it must answer: a plain PyTorch
// computation's (tests/golden/make_heads.py).
#pragma once

#include <glint/glint.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "own/cocoop.h"
#include "own/glip.h"
#include "own/lseg.h"
#include "own/maple.h"
#include "own/tip.h"
#include "own/vild.h"

namespace glint::own {

using Json = nlohmann::json;

inline const std::string kGolden = std::string(GLINT_TEST_DATA) + "/golden";
inline const std::string kPackage = kGolden + "/packages/heads.glint";

template <typename T>
HeadFactory factory() {
  return [](const HeadContext& head) { return std::make_shared<const T>(head); };
}

inline ModelOptions options(std::int64_t max_batch = 32) {
  ModelOptions options;
  options.max_batch = max_batch;
  options.heads = {{"test_cocoop", factory<CocoopHead>()}, {"test_maple", factory<MapleHead>()},
                   {"test_tip", factory<TipHead>()},       {"test_lseg", factory<LsegHead>()},
                   {"test_vild", factory<VildHead>()},     {"test_glip", factory<GlipHead>()}};
  return options;
}

inline const Model& model() {
  static const Model loaded = Model::load(kPackage, options());
  return loaded;
}

inline const Json& golden() {
  static const Json loaded = Json::parse(std::ifstream(kGolden + "/heads.json"));
  return loaded;
}

inline TextState prepare(const std::string& task) {
  return model().prepare(TextQuery{.labels = golden()["labels"]}, task);
}

inline std::vector<Image> pictures() {
  std::vector<Image> all;
  for (const Json& picture : golden()["pictures"]) {
    all.push_back(load_image(kPackage + "/" + picture["file"].get<std::string>()));
  }
  return all;
}

inline PredictOptions everything(const std::string& task) {
  PredictOptions options;
  options.task = task;
  options.top_k = 0;
  for (const Json& box : golden()["boxes"]) {
    options.regions.push_back({box[0], box[1], box[2], box[3]});
  }
  return options;
}

inline std::vector<Prediction> answers_of(const std::string& task) {
  const auto images = pictures();
  const std::vector<ImageView> views(images.begin(), images.end());
  return model().predict(views, prepare(task), everything(task));
}

inline void expect_logits(const Prediction& answer, const Json& expected) {
  const auto& scores = std::get<Classification>(answer).scores;
  ASSERT_EQ(scores.size(), expected.size());
  for (const ClassScore& score : scores) {
    EXPECT_NEAR(score.logit, expected[static_cast<std::size_t>(score.index)].get<double>(), 1e-4)
        << score.label;
  }
}

}  // namespace glint::own
