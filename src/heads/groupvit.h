// Segmentation by groups of patches: the image tower assigns its patches to a few groups, each
// group has an embedding, and a pixel gets the label that its group is closest to. Xu et al. 2022
// (arXiv:2202.11094); NVlabs/GroupViT segmentation/evaluation/group_vit_seg.py within mmseg's
// EncoderDecoder.
#pragma once

#include <glint/head.h>

#include <string>
#include <vector>

#include "heads/groupvit_windows.h"

namespace glint {

class GroupVitHead final : public Head {
 public:
  // `templates`: used when a query has none. `background`: the name of the label that a pixel gets
  // which no other label fits; it is never encoded. "": there is none.
  GroupVitHead(const PreprocessSpec& preprocess, std::vector<std::string> templates,
               const GroupVitRule& rule, std::string background);

  // A ClassBank whose row of the background, where that is among the labels, is zero.
  // Throws Error(kInvalidArgument) when there is no other label.
  TextState prepare(const TextQuery& query, const Towers& towers) const override;

  // The state of a picture has no words in it, and little of the picture: a grid of patches a
  // window.
  //   layout [2 + W, 2] i64   height and width of the frame, of a window; top and left of each
  //   window maps [W, G, Y, X]       how much each group claims of a patch: both soft assignments
  //   composed tokens [W, G, D], means [W, D]   projected, not normalised
  // Progress is in windows.
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override;
  // The frame is the pixels' own; so is the answer's size.
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override;

  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override;

 private:
  PreprocessSpec preprocess_;  // but for its size
  std::vector<std::string> templates_;
  GroupVitRule rule_;
  std::string background_;
};

// Throws Error(kCorruptPackage): parameters that are missing, left over or out of range; an image
// tower without method groups; a preprocess that does not squash.
std::shared_ptr<const Head> make_groupvit(const HeadContext& context);

}  // namespace glint
