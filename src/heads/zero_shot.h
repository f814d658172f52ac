// Zero-shot classification: each label becomes a class embedding, the closest one wins.
// Radford et al. 2021 (arXiv:2103.00020) section 3.1; open_clip zero_shot_classifier.py.
#pragma once

#include <glint/head.h>

#include <string>
#include <vector>

namespace glint {

class ZeroShotHead : public Head {
 public:
  // `preprocess`: the task's. `templates`: the package's own, used when a query has none.
  // `mean`: of a label's templates.
  ZeroShotHead(std::string preprocess, std::vector<std::string> templates,
               TemplateMean mean = TemplateMean::kOfUnitRows);

  // For each label: encode it in every template, normalise each or not, mean, normalise.
  TextState prepare(const TextQuery& query, const Towers& towers) const override;
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override;
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override;
  // logit = scale * cosine + bias; softmax over all labels; the best top_k.
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override;

 private:
  // pixels [B, 3, H, W] f32 -> embeddings [B, D] f32, not normalised.
  virtual Tensor embed_pixels(const Tensor& pixels, const Towers& towers) const;

  std::string preprocess_;
  std::vector<std::string> templates_;
  TemplateMean mean_;
};

// Parameter normalise_templates, true when it is not there: whether a template's embedding is
// normalised before the mean. Throws Error(kCorruptPackage): a head before it, or other parameters
// or tensors, which it has no use for.
std::shared_ptr<const Head> make_zero_shot(const HeadContext& context);

}  // namespace glint
