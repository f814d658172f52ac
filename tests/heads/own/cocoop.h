// Text that depends on the image: the context of every label is shifted by a token that a small
// network makes of the image's embedding.
#pragma once

#include "own/numbers.h"

namespace glint::own {

class CocoopHead final : public Head {
 public:
  explicit CocoopHead(const HeadContext& head)
      : context_(values_of(head.package.tensors(head.spec.tensors).at("context"))),
        network_(network_of(head.spec)) {}

  // Before an image is seen: the embedded words of each label.
  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    check_labels(query.labels);
    PromptSet prompts{query.labels, {}};
    for (std::size_t k = 0; k < query.labels.size(); ++k) {
      prompts.tensors.emplace(std::to_string(k), embed_words(query.labels[k] + ".", towers));
    }
    return prompts;
  }

  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions&) const override {
    return encode_plainly(images, towers);
  }

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    const auto& prompts = std::get<PromptSet>(text);
    const std::vector<float> context = shifted_context(image, towers);
    std::vector<float> rows;
    for (std::size_t k = 0; k < prompts.labels.size(); ++k) {
      check_stop(options.stop);
      const Tensor words = insert_context(prompts.tensors.at(std::to_string(k)), context);
      const Tensor row = towers.text({.embeddings = words, .eot = last_position(words)}).cpu();
      const std::vector<float> normalized = unit(values_of(row));
      rows.insert(rows.end(), normalized.begin(), normalized.end());
    }
    const auto logits = logits_of(image.embedding, rows, towers.manifest().logit.scale);
    return classify(prompts.labels, logits, options.top_k);
  }

 private:
  static std::string network_of(const HeadSpec& spec) {
    const auto found = spec.parameters.find("network");
    return found == spec.parameters.end() ? "meta_net" : std::get<std::string>(found->second);
  }

  std::vector<float> shifted_context(const ImageState& image, const Towers& towers) const {
    const std::vector<float> embedding = unit(values_of(image.embedding));
    const auto dim = static_cast<std::int64_t>(embedding.size());
    const Tensor shift =
        towers.call(network_, "forward", {{"embedding", Tensor::from({1, dim}, embedding)}})
            .at("shift")
            .cpu();
    std::vector<float> context = context_;
    for (std::size_t i = 0; i < context.size(); ++i) {
      context[i] += shift.floats()[i % shift.floats().size()];
    }
    return context;
  }

  std::vector<float> context_;  // [M, width]
  std::string network_;         // the tower that makes the shift
};

}  // namespace glint::own
