// A cache of labelled images on top of another head: its logits plus what the nearest keys say.
#pragma once

#include <cmath>

#include "own/numbers.h"

namespace glint::own {

class TipHead final : public Head {
 public:
  explicit TipHead(const HeadContext& head)
      : inner_(head.inner),
        cache_(head.package.tensors(head.spec.tensors)),
        alpha_(std::get<double>(head.spec.parameters.at("alpha"))),
        beta_(std::get<double>(head.spec.parameters.at("beta"))) {}

  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    return inner_->prepare(query, towers);
  }

  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override {
    return inner_->encode(images, towers, options);
  }

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    const ClassBank& bank = class_bank_of(text, towers.manifest().embed_dim);
    PredictOptions all = options;
    all.top_k = 0;
    const Prediction before = inner_->predict(image, text, towers, all);
    std::vector<float> logits(bank.labels.size());
    for (const ClassScore& score : std::get<Classification>(before).scores) {
      logits[static_cast<std::size_t>(score.index)] = score.logit;
    }
    const auto similarity = logits_of(image.embedding, cache_.at("keys").floats(), 1);
    const auto classes = cache_.at("classes").ints();
    for (std::size_t i = 0; i < similarity.size(); ++i) {
      const double affinity = std::exp(-beta_ * (1 - static_cast<double>(similarity[i])));
      logits[static_cast<std::size_t>(classes[i])] += static_cast<float>(alpha_ * affinity);
    }
    return classify(bank.labels, logits, options.top_k);
  }

 private:
  std::shared_ptr<const Head> inner_;
  NamedTensors cache_;  // keys [N, D] unit rows, classes [N] i64
  double alpha_;
  double beta_;
};

}  // namespace glint::own
