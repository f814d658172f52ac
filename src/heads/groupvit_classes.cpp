#include "heads/groupvit_classes.h"

#include <glint/similarity.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace glint {
namespace {

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

// scale * cosine of each of `vectors` [N, D] with each label -> [N, K]
std::vector<float> affinity(std::span<const float> vectors, std::size_t dim,
                            const GroupVitWords& words, double scale) {
  std::vector<float> units(vectors.begin(), vectors.end());
  const auto width = static_cast<std::int64_t>(dim);
  normalize_rows(units, width);
  std::vector<float> all(vectors.size() / dim * words.positions.size());
  dot_matrix(units, words.rows, width, all);
  for (float& value : all) value *= static_cast<float>(scale);
  if (!all_finite(all)) {
    fail(ErrorCode::kInvalidArgument, "expected finite embeddings, got NaN or infinity");
  }
  return all;
}

// Of one group: softmax over all labels times softmax over the best ones, at the best ones.
GroupClasses group_values(std::span<const float> affinities, std::span<const std::int64_t> best,
                          const GroupVitWords& words) {
  std::vector<float> over_all(affinities.size());
  softmax(affinities, over_all);
  std::vector<float> kept(best.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    kept[i] = affinities[static_cast<std::size_t>(best[i])];
  }
  std::vector<float> over_best(best.size());
  softmax(kept, over_best);
  GroupClasses values(best.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto k = static_cast<std::size_t>(best[i]);
    values[i] = {words.positions[k], over_best[i] * over_all[k]};
  }
  return values;
}

float largest(const GroupClasses& values) {
  return std::ranges::max(values, {}, &ClassValue::value).value;
}

}  // namespace

void fail_without_labels(std::string_view background) {
  fail(ErrorCode::kInvalidArgument, "expected a label besides ", quote(background),
       ", which stands for what no label fits, got none");
}

GroupVitWords words_of(const ClassBank& bank, std::string_view background) {
  GroupVitWords words{.labels = std::ssize(bank.labels), .positions = {}, .rows = {}};
  const auto rows = bank.rows.floats();
  const std::size_t dim = rows.size() / bank.labels.size();
  for (std::size_t k = 0; k < bank.labels.size(); ++k) {
    if (!background.empty() && bank.labels[k] == background) {
      words.background = static_cast<std::int32_t>(k);
      continue;
    }
    const auto row = rows.subspan(k * dim, dim);
    words.positions.push_back(static_cast<std::int32_t>(k));
    words.rows.insert(words.rows.end(), row.begin(), row.end());
  }
  if (words.positions.empty()) fail_without_labels(background);
  return words;
}

std::vector<GroupClasses> classes_of_groups(std::span<const float> tokens,
                                            std::span<const float> mean, const GroupVitWords& words,
                                            double scale, const GroupVitRule& rule) {
  const std::size_t labels = words.positions.size();
  const auto of_window = affinity(mean, mean.size(), words, scale);
  auto best = top_k(of_window, rule.top_classes);
  std::ranges::sort(best);
  const auto of_groups = affinity(tokens, mean.size(), words, scale);
  std::vector<GroupClasses> classes;
  float most = 0;
  for (std::size_t at = 0; at < of_groups.size(); at += labels) {
    classes.push_back(group_values(std::span(of_groups).subspan(at, labels), best, words));
    most = std::max(most, largest(classes.back()));
  }
  if (words.background < 0) return classes;
  const float threshold = std::min(rule.background_threshold, most);
  for (GroupClasses& values : classes) {
    if (largest(values) < threshold) values.push_back({words.background, 1});
  }
  return classes;
}

}  // namespace glint
