// A label for every pixel, by the cosine of the pixel's embedding and the label's. Li et al. 2022
// (arXiv:2201.03546); isl-org/lang-seg modules/models/lseg_net.py and additional_utils/models.py.
#pragma once

#include <glint/head.h>

#include <string>
#include <vector>

#include "heads/lseg_block.h"
#include "heads/lseg_frames.h"

namespace glint {

class LsegHead final : public Head {
 public:
  // `templates`: used when a query has none.
  LsegHead(const PreprocessSpec& preprocess, std::vector<std::string> templates,
           const LsegRule& rule, const LsegBlock& block);

  TextState prepare(const TextQuery& query, const Towers& towers) const override;

  // A single pass keeps `map` [D, H / 2, W / 2], so that other labels need no tower; of several
  // pictures as long as all maps together take less than 256 MiB. Otherwise, and for the official
  // protocol, the state is the picture, and predict() runs the image tower; the answers are the
  // same.
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override;
  // Sides are multiples of size_multiple; Protocol::kSingle only.
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override;

  // Progress is in windows, of the official protocol only. It takes 4 bytes a label and pixel of
  // the picture, a single pass without scores next to nothing.
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override;

 private:
  Tensor map_of(const ImageView& image, PlaneSize frame, const Towers& towers) const;

  PreprocessSpec preprocess_;  // but for its size
  std::vector<std::string> templates_;
  LsegRule rule_;
  LsegBlock block_;
};

// Throws Error(kCorruptPackage): parameters or tensors that are missing, left over or out of range;
// an image tower whose method forward gives no map; another arithmetic than torch's.
std::shared_ptr<const Head> make_lseg(const HeadContext& context);

}  // namespace glint
