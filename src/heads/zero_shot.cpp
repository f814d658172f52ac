#include "heads/zero_shot.h"

#include "heads/head_needs.h"
#include "heads/image_embedding.h"

namespace glint {
namespace {

constexpr std::string_view kNormaliseTemplates = "normalise_templates";

}  // namespace

ZeroShotHead::ZeroShotHead(std::string preprocess, std::vector<std::string> templates,
                           TemplateMean mean)
    : preprocess_(std::move(preprocess)), templates_(std::move(templates)), mean_(mean) {}

TextState ZeroShotHead::prepare(const TextQuery& query, const Towers& towers) const {
  return make_class_bank(query, templates_, towers, mean_);
}

std::vector<ImageState> ZeroShotHead::encode(std::span<const ImageView> images,
                                             const Towers& towers,
                                             const PredictOptions& options) const {
  auto states = encode_pixels(towers.pixels(images, preprocess_), towers, options);
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i].width = images[i].width;
    states[i].height = images[i].height;
  }
  return states;
}

Tensor ZeroShotHead::embed_pixels(const Tensor& pixels, const Towers& towers) const {
  return towers.image(pixels);
}

std::vector<ImageState> ZeroShotHead::encode_pixels(const Tensor& pixels, const Towers& towers,
                                                    const PredictOptions& /*options*/) const {
  const Tensor embeddings = embed_pixels(pixels, towers).cpu();
  std::vector<ImageState> states(static_cast<std::size_t>(embeddings.dim(0)));
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    states[i].embedding = embeddings.slice(row, row + 1).reshape({embeddings.dim(1)});
  }
  return states;
}

Prediction ZeroShotHead::predict(const ImageState& image, const TextState& text,
                                 const Towers& towers, const PredictOptions& options) const {
  const std::int64_t dim = towers.manifest().embed_dim;
  const ClassBank& bank = class_bank_of(text, dim);
  std::vector<float> cosines(bank.labels.size());
  dot_matrix(unit_embedding_of(image, dim), bank.rows.floats(), dim, cosines);
  return classify_cosines(bank.labels, std::move(cosines), towers.manifest().logit, options.top_k);
}

std::shared_ptr<const Head> make_zero_shot(const HeadContext& context) {
  need_to_be_first(context);
  need_parameters(context.spec, {}, {kNormaliseTemplates});
  need_tensors(context, {});
  need_image_embedding(context);
  const bool unit = flag_or(context.spec, kNormaliseTemplates, true);
  return std::make_shared<const ZeroShotHead>(
      context.task.preprocess, context.spec.templates,
      unit ? TemplateMean::kOfUnitRows : TemplateMean::kOfRawRows);
}

}  // namespace glint
