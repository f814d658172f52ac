// Caches behind the heads of small packages and of extensions of them, and what they must answer.
#pragma once

#include <cmath>

#include "adapt/adapt_packages.h"
#include "package/edit_package.h"

namespace glint::test {

using Labels = std::vector<std::string>;

inline const Labels kLabels{"cat", "hen", "ship"};

// The whole package with its task "classify", loaded once.
inline const Model& root_model(const std::string& name) {
  static std::map<std::string, Model> loaded;
  auto found = loaded.find(name);
  if (found == loaded.end()) found = loaded.emplace(name, load(with_task(name, "classify"))).first;
  return found->second;
}

inline const Package& root(const std::string& name) { return root_model(name).package(); }

inline adapt::Cache cache_for(const Model& model, const Labels& labels = kLabels) {
  Pictures::Layout layout;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    layout.push_back({labels[i], {static_cast<int>(i), static_cast<int>(i + 1)}});
  }
  adapt::Cache cache =
      adapt::build_cache(adapt::encode(model, adapt::read_labelled(Pictures(layout).folder())));
  cache.alpha = 2.5;
  cache.beta = 3;
  return cache;
}

// An extension of `name` with the heads of one of its tasks, as the exporter's writer makes one.
inline Package extension(const std::string& name, const std::string& task,
                         const Labels& classes = {}) {
  const Model& base = root_model(name);
  const Package with = adapt::with_cache(base, cache_for(base), {.name = "learned"});
  Files files = own_files(with);
  const auto golden = nlohmann::json::parse(manifest_of(read_files(kPackages + name)));
  auto manifest = nlohmann::json::parse(manifest_of(files));
  manifest["tasks"] = {{"classify", golden["tasks"][task]}};
  manifest["logit"] = golden["logit"];
  for (const char* const path : {"tensors/tip_adapter.safetensors", "classes.json"}) {
    files.erase(path);
    manifest["files"].erase(path);
  }
  set_manifest(files, manifest.dump());
  if (!classes.empty()) set_file(files, "classes.json", to_bytes(nlohmann::json(classes).dump()));
  const Files whole = read_files(kPackages + name);
  for (const auto& head : golden["tasks"][task]["heads"]) {
    if (!head.contains("tensors") || head["tensors"].is_null()) continue;
    const std::string path = head["tensors"];
    set_file(files, path, whole.find(path)->second);
  }
  return Package::from_memory(files, "learned", OpenOptions{.bases = {root(name)}});
}

// The logits that a cache behind the heads of `model` must answer, by label.
inline std::map<std::string, double> expected(const Model& model, const adapt::Cache& cache,
                                              const adapt::LabelledFiles& one) {
  const adapt::Features seen = adapt::encode_with_logits(model, one, {.labels = cache.labels});
  double length = 0;
  for (const float value : seen.values) length += static_cast<double>(value) * value;
  std::map<std::string, double> logits;
  for (std::size_t k = 0; k < cache.labels.size(); ++k) logits[cache.labels[k]] = seen.logits[k];
  const auto dim = static_cast<std::size_t>(cache.embed_dim);
  for (std::size_t n = 0; n < cache.classes.size(); ++n) {
    double near = 0;
    for (std::size_t d = 0; d < dim; ++d) near += cache.keys[n * dim + d] * seen.values[d];
    logits[cache.labels[static_cast<std::size_t>(cache.classes[n])]] +=
        cache.alpha * std::exp(-cache.beta + cache.beta * near / std::sqrt(length));
  }
  return logits;
}

// Of one picture that is in no cache.
inline void expect_answers(const Model& before, const Model& after, const adapt::Cache& cache) {
  const Pictures one({{cache.labels.front(), {7}}});
  const adapt::LabelledFiles file{
      {cache.labels}, {one.folder(cache.labels.front()) + "/7.png"}, {0}};
  const auto wanted = expected(before, cache, file);
  const Image image = load_image(file.files.front());
  PredictOptions options;
  options.task = adapt::kTask;
  options.top_k = 0;
  for (const Labels& labels : {cache.labels, Labels{cache.labels[2], cache.labels[0]}}) {
    const TextState text = after.prepare(labels, {}, adapt::kTask);
    const auto answer = std::get<Classification>(after.predict(image, text, options));
    ASSERT_EQ(answer.scores.size(), labels.size());
    for (const ClassScore& score : answer.scores) {
      EXPECT_NEAR(score.logit, wanted.at(score.label), 2e-4) << score.label;  // two logits of 1e-4
    }
  }
}

}  // namespace glint::test
