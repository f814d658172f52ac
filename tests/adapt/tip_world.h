// The pictures of tests/golden/make_tip.py, drawn again, and caches of noise.
#pragma once

#include <glint/adapt.h>
#include <glint/similarity.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/noise.h"

namespace glint::test::tip {

inline const nlohmann::json& golden() {
  static const auto loaded =
      nlohmann::json::parse(std::ifstream(std::string(GLINT_TEST_DATA) + "/golden/tip.json"));
  return loaded;
}

struct Sizes {
  std::int64_t dim = 16;
  std::int64_t classes = 5;
  std::int64_t keys = 40;
  std::int64_t pictures = 120;
};

// Pictures that scatter around a centre for each class, of which the words know only a part.
class World {
 public:
  World(std::uint32_t seed, float scatter, float words, Sizes sizes = {}) : sizes_(sizes) {
    centres_ = noise(seed, sizes.classes * sizes.dim);
    weights_ = noise(seed + 3, sizes.classes * sizes.dim);
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] += words * centres_[i];
    normalize_rows(weights_, sizes.dim);
    shots_ = pictures(seed + 1, sizes.keys, scatter);
    validation_ = pictures(seed + 2, sizes.pictures, scatter);
    cache_ = adapt::build_cache(shots_);
  }

  const adapt::Features& shots() const { return shots_; }
  const adapt::Features& validation() const { return validation_; }
  const adapt::Cache& cache() const { return cache_; }

 private:
  adapt::Features pictures(std::uint32_t seed, std::int64_t count, float scatter) const {
    adapt::Features made;
    for (std::int64_t k = 0; k < sizes_.classes; ++k) {
      made.labels.push_back("class " + std::to_string(k));
    }
    made.embed_dim = sizes_.dim;
    made.values = noise(seed, count * sizes_.dim);
    for (std::int64_t i = 0; i < count; ++i) {
      made.classes.push_back(i * 7 % sizes_.classes);
      for (std::int64_t d = 0; d < sizes_.dim; ++d) {
        float& value = made.values[static_cast<std::size_t>(i * sizes_.dim + d)];
        value = centres_[static_cast<std::size_t>(made.classes.back() * sizes_.dim + d)] +
                scatter * value;
      }
    }
    std::vector<float> units = made.values;
    normalize_rows(units, sizes_.dim);
    made.logits.resize(static_cast<std::size_t>(count * sizes_.classes));
    dot_matrix(units, weights_, sizes_.dim, made.logits);
    for (float& value : made.logits) value *= 100;
    return made;
  }

  Sizes sizes_;
  std::vector<float> centres_, weights_;
  adapt::Features shots_, validation_;
  adapt::Cache cache_;
};

}  // namespace glint::test::tip
