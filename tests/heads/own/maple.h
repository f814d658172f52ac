// Prompts inside both towers: each of the first layers has its own, which come as inputs.
#pragma once

#include "own/numbers.h"

namespace glint::own {

class MapleHead final : public Head {
 public:
  explicit MapleHead(const HeadContext& head)
      : prompts_(head.package.tensors(head.spec.tensors)), preprocess_(head.task.preprocess) {}

  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    check_labels(query.labels);
    const Tensor& prompts = prompts_.at("text_prompts");  // [P, N, width]
    const Tensor first = prompts.slice(0, 1);
    std::vector<float> rows;
    for (const std::string& label : query.labels) {
      const Tensor words = insert_context(embed_words(label + ".", towers), first.floats());
      const Tensor row =
          towers
              .call("text", "forward_prompted",
                    {{"embeddings", words}, {"eot", last_position(words)}, {"prompts", prompts}})
              .at("embedding")
              .cpu();
      const std::vector<float> normalized = unit(values_of(row));
      rows.insert(rows.end(), normalized.begin(), normalized.end());
    }
    const auto count = static_cast<std::int64_t>(query.labels.size());
    return ClassBank{query.labels, Tensor::from({count, towers.manifest().embed_dim}, rows)};
  }

  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override {
    auto states = encode_pixels(towers.pixels(images, preprocess_), towers, options);
    for (std::size_t i = 0; i < states.size(); ++i) {
      states[i].width = images[i].width;
      states[i].height = images[i].height;
    }
    return states;
  }

  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions&) const override {
    const Tensor rows = towers
                            .call("image", "forward_prompted",
                                  {{"pixels", pixels}, {"prompts", prompts_.at("image_prompts")}})
                            .at("embedding")
                            .cpu();
    std::vector<ImageState> states(static_cast<std::size_t>(rows.dim(0)));
    for (std::int64_t i = 0; i < rows.dim(0); ++i) {
      states[static_cast<std::size_t>(i)].embedding = rows.slice(i, i + 1).reshape({rows.dim(1)});
    }
    return states;
  }

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    const ClassBank& bank = class_bank_of(text, towers.manifest().embed_dim);
    const auto logits =
        logits_of(image.embedding, bank.rows.floats(), towers.manifest().logit.scale);
    return classify(bank.labels, logits, options.top_k);
  }

 private:
  NamedTensors prompts_;
  std::string preprocess_;
};

}  // namespace glint::own
