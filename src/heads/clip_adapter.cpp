#include "heads/clip_adapter.h"

#include <glint/similarity.h>

#include "heads/head_needs.h"
#include "heads/image_embedding.h"

namespace glint {
namespace {

// relu(weight in): weight [rows, in.size()]
std::vector<float> layer(std::span<const float> in, const Tensor& weight) {
  std::vector<float> out(static_cast<std::size_t>(weight.dim(0)));
  dot_matrix(in, weight.floats(), weight.dim(1), out);
  for (float& value : out) value = value < 0 ? 0 : value;  // NaN stays, as in torch
  return out;
}

}  // namespace

ClipAdapterHead::ClipAdapterHead(std::shared_ptr<const Head> inner, Tensor down, Tensor up,
                                 double ratio)
    : WrappingHead(std::move(inner)),
      down_(std::move(down)),
      up_(std::move(up)),
      ratio_(static_cast<float>(ratio)) {}

std::vector<ImageState> ClipAdapterHead::encode(std::span<const ImageView> images,
                                                const Towers& towers,
                                                const PredictOptions& options) const {
  return adapt(inner().encode(images, towers, options));
}

std::vector<ImageState> ClipAdapterHead::encode_pixels(const Tensor& pixels, const Towers& towers,
                                                       const PredictOptions& options) const {
  return adapt(inner().encode_pixels(pixels, towers, options));
}

std::vector<ImageState> ClipAdapterHead::adapt(std::vector<ImageState> states) const {
  const std::int64_t dim = down_.dim(1);
  for (ImageState& state : states) {
    const auto embedding = embedding_of(state, dim);
    std::vector<float> mixed = layer(layer(embedding, down_), up_);
    for (std::size_t i = 0; i < mixed.size(); ++i) {
      mixed[i] = ratio_ * mixed[i] + (1 - ratio_) * embedding[i];
    }
    state.embedding = Tensor::from({dim}, mixed);
  }
  return states;
}

std::shared_ptr<const Head> make_clip_adapter(const HeadContext& context) {
  need_inner(context);
  need_no_templates(context.spec);
  need_parameters(context.spec, {"ratio"});
  const double ratio = need_number(context.spec, "ratio", "from 0 to 1",
                                   [](double value) { return value >= 0 && value <= 1; });
  const NamedTensors tensors = need_tensors(context, {"down", "up"});
  const std::int64_t dim = context.package.manifest().embed_dim;
  need_shape(tensors, "down", DType::kF32, {0, dim});
  need_shape(tensors, "up", DType::kF32, {dim, tensors.at("down").dim(0)});
  return std::make_shared<const ClipAdapterHead>(context.inner, tensors.at("down"),
                                                 tensors.at("up"), ratio);
}

}  // namespace glint
