// CLIP-Adapter: a small learned bottleneck on the image embedding, before the head that it wraps.
// Gao et al. 2021 (arXiv:2110.04544); gaopengcuhk/CLIP-Adapter clip_adapter.py, CustomCLIP.forward.
#pragma once

#include "heads/wrapping_head.h"

namespace glint {

class ClipAdapterHead final : public WrappingHead {
 public:
  // down [H, D], up [D, H] f32 on the CPU; the official H is D / 4.
  ClipAdapterHead(std::shared_ptr<const Head> inner, Tensor down, Tensor up, double ratio);

  // The wrapped head's states, each embedding f, not normalised, replaced by
  // ratio * relu(up relu(down f)) + (1 - ratio) * f.
  // Throws Error(kInvalidArgument) when a state has no embedding of D numbers.
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override;
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override;

 private:
  std::vector<ImageState> adapt(std::vector<ImageState> states) const;

  Tensor down_;
  Tensor up_;
  float ratio_;
};

// Throws Error(kCorruptPackage) when the package lacks what models/clip_adapter.md lists, or has
// more.
std::shared_ptr<const Head> make_clip_adapter(const HeadContext& context);

}  // namespace glint
