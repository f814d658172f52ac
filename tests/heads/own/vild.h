// Labels for the caller's own boxes: every region is cut out and encoded as an image.
#pragma once

#include <algorithm>
#include <cmath>

#include "own/numbers.h"

namespace glint::own {

class VildHead final : public Head {
 public:
  explicit VildHead(const HeadContext& head)
      : preprocess_(head.task.preprocess), templates_(head.spec.templates) {}

  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    return make_class_bank(query, templates_, towers);
  }

  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override {
    std::vector<ImageState> states;
    for (const ImageView& image : images) {
      std::vector<ImageView> regions;
      for (const Box& box : options.regions) {
        const auto x = std::llround(box.x0), y = std::llround(box.y0);
        regions.push_back(crop(image, x, y, std::llround(box.x1) - x, std::llround(box.y1) - y));
      }
      const Tensor rows = towers.image(towers.pixels(regions, preprocess_)).cpu();
      states.push_back({.width = image.width,
                        .height = image.height,
                        .tensors = {{"regions", rows}},
                        .regions = options.regions});
    }
    return states;
  }

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    const ClassBank& bank = class_bank_of(text, towers.manifest().embed_dim);
    const Tensor& rows = image.tensors.at("regions");
    Detection answer;
    for (std::size_t i = 0; i < image.regions.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      const auto logits =
          logits_of(rows.slice(row, row + 1), bank.rows.floats(), towers.manifest().logit.scale);
      for (const ClassScore& score : classify(bank.labels, logits, options.top_k).scores) {
        answer.objects.push_back({score.label, score.index, score.probability, image.regions[i]});
      }
    }
    std::ranges::stable_sort(answer.objects, std::greater<>(), &DetectedObject::score);
    return answer;
  }

 private:
  std::string preprocess_;
  std::vector<std::string> templates_;
};

}  // namespace glint::own
