// A head with nothing to say, for tests that look at something else.
#pragma once

#include <glint/head.h>

#include <vector>

namespace glint::test {

class SilentHead : public Head {
 public:
  TextState prepare(const TextQuery&, const Towers&) const override { return ClassBank{}; }
  std::vector<ImageState> encode(std::span<const ImageView>, const Towers&,
                                 const PredictOptions&) const override {
    return {};
  }
  Prediction predict(const ImageState&, const TextState&, const Towers&,
                     const PredictOptions&) const override {
    return Classification{};
  }
};

}  // namespace glint::test
