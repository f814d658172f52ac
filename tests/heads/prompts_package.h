// packages/prompts.glint, and what the released code answers (tests/golden/make_prompts.py).
#pragma once

#include "golden_package.h"

namespace glint::test {

inline const std::string kPrompts = kGolden + "/packages/prompts.glint";

inline const Json& prompts_golden() {
  static const Json loaded = read_golden("prompts.json");
  return loaded;
}

inline Labels prompts_classes() { return prompts_golden()["classes"]; }

inline Model load_prompts(std::int64_t max_batch) {
  ModelOptions options;
  options.max_batch = max_batch;
  options.threads = 1;  // tests run side by side
  return Model::load(kPrompts, options);
}

inline const Model& prompts_model() {
  static const Model loaded = load_prompts(32);
  return loaded;
}

inline Image prompts_picture() { return pictures_of(prompts_model()).front(); }

inline TextState prepare_prompts(const std::string& task,
                                 const Labels& labels = prompts_classes()) {
  return prompts_model().prepare(TextQuery{.labels = labels}, task);
}

}  // namespace glint::test
