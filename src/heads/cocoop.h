// CoCoOp: the learned context is shifted by what a small network makes of the image, so every image
// has class embeddings of its own; the rest is zero-shot classification.
// Zhou et al. 2022 (arXiv:2203.05557); KaiyangZhou/CoOp trainers/cocoop.py, CustomCLIP.
//
// The reference encodes 77 ids a class and image. Here start and context, which all classes of an
// image share, go through the text tower once an image, and each class adds its own ids only, up to
// its end token: the tower is causal, so the numbers are the same.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "heads/zero_shot.h"

namespace glint {

class CocoopHead final : public ZeroShotHead {
 public:
  // context [M, width] f32 on the CPU, for any names.
  CocoopHead(std::string preprocess, Tensor context);

  // A PromptSet with the ids of each label's "label." and end token; a "_" in a label is read as a
  // space. Throws Error: as make_prompt_texts.
  TextState prepare(const TextQuery& query, const Towers& towers) const override;

  // States with the embedding, and "keys" and "values" of start and shifted context in each layer
  // of the text tower, on the model's device.
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override;

  // Encodes the labels for this image behind its prefix, in batches of about one length
  // (heads/text_batches.h). Stops between calls; progress is in labels.
  // Throws Error(kInvalidArgument) for a state that another head made.
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override;

 private:
  Tensor shifted_prefixes(const std::vector<ImageState>& states, const Towers& towers) const;

  Tensor context_;
};

// Throws Error(kCorruptPackage) when the package lacks what models/cocoop.md lists, or has more.
std::shared_ptr<const Head> make_cocoop(const HeadContext& context);

}  // namespace glint
