// A label for every pixel, from windows that are looked at one after another: only the picture is
// kept between encode() and predict(), however many windows there are.
#pragma once

#include <set>

#include "own/numbers.h"

namespace glint::own {

class LsegHead final : public Head {
 public:
  explicit LsegHead(const HeadContext& head)
      : preprocess_(head.task.preprocess), templates_(head.spec.templates) {}

  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    return make_class_bank(query, templates_, towers);
  }

  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers&,
                                 const PredictOptions&) const override {
    std::vector<ImageState> states;
    for (const ImageView& image : images) {
      states.push_back({.width = image.width,
                        .height = image.height,
                        .picture = std::make_shared<const Image>(copy(image))});
    }
    return states;
  }

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    const ClassBank& bank = class_bank_of(text, towers.manifest().embed_dim);
    const std::size_t labels = bank.labels.size();
    std::vector<float> sums(static_cast<std::size_t>(image.width * image.height) * labels);
    std::vector<float> counts(static_cast<std::size_t>(image.width * image.height));
    const std::set<std::int64_t> tops{0, image.height - kSide}, lefts{0, image.width - kSide};
    const auto windows = static_cast<std::int64_t>(tops.size() * lefts.size());
    std::int64_t done = 0;
    for (const std::int64_t top : tops) {
      for (const std::int64_t left : lefts) {
        check_stop(options.stop);
        add_window(image, bank, towers, left, top, sums, counts);
        if (options.progress) options.progress(++done, windows);
      }
    }
    Segmentation answer{image.width, image.height, bank.labels, {}};
    for (std::size_t pixel = 0; pixel < counts.size(); ++pixel) {
      for (std::size_t k = 0; k < labels; ++k) sums[pixel * labels + k] /= counts[pixel];
      const auto row = std::span<const float>(sums).subspan(pixel * labels, labels);
      answer.map.push_back(static_cast<std::int32_t>(top_k(row, 1).front()));
    }
    return answer;
  }

 private:
  static constexpr std::int64_t kSide = 16, kStride = 4;

  void add_window(const ImageState& image, const ClassBank& bank, const Towers& towers,
                  std::int64_t left, std::int64_t top, std::vector<float>& sums,
                  std::vector<float>& counts) const {
    const ImageView window = crop(image.picture->view(), left, top, kSide, kSide);
    const Tensor pixels = towers.pixels({&window, 1}, preprocess_);
    const Tensor map = towers.call("dense", "forward", {{"pixels", pixels}}).at("map").cpu();
    const std::int64_t grid = map.dim(2);  // map [1, D, grid, grid]
    const std::size_t labels = bank.labels.size();
    for (std::int64_t y = 0; y < kSide; ++y) {
      for (std::int64_t x = 0; x < kSide; ++x) {
        std::vector<float> place(static_cast<std::size_t>(map.dim(1)));
        for (std::size_t d = 0; d < place.size(); ++d) {
          place[d] = map.floats()[(d * static_cast<std::size_t>(grid) +
                                   static_cast<std::size_t>(y / kStride)) *
                                      static_cast<std::size_t>(grid) +
                                  static_cast<std::size_t>(x / kStride)];
        }
        std::vector<float> logits(labels);
        dot_matrix(place, bank.rows.floats(), map.dim(1), logits);
        const auto pixel = static_cast<std::size_t>((top + y) * image.width + left + x);
        for (std::size_t k = 0; k < labels; ++k) sums[pixel * labels + k] += logits[k];
        counts[pixel] += 1;
      }
    }
  }

  std::string preprocess_;
  std::vector<std::string> templates_;
};

}  // namespace glint::own
