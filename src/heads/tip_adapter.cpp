#include "heads/tip_adapter.h"

#include <cmath>

#include "core/check.h"
#include "heads/head_needs.h"
#include "heads/image_embedding.h"

namespace glint {

TipAdapterHead::TipAdapterHead(std::shared_ptr<const Head> inner, Cache cache, double alpha,
                               double beta)
    : WrappingHead(std::move(inner)),
      cache_(std::move(cache)),
      alpha_(alpha),
      beta_(static_cast<float>(beta)) {}

TextState TipAdapterHead::prepare(const TextQuery& query, const Towers& towers) const {
  for (const std::string& label : query.labels) cache_.names.of(label);
  return inner().prepare(query, towers);
}

Prediction TipAdapterHead::predict(const ImageState& image, const TextState& text,
                                   const Towers& towers, const PredictOptions& options) const {
  PredictOptions all = options;
  all.top_k = 0;
  Prediction before = inner().predict(image, text, towers, all);
  auto* const classified = std::get_if<Classification>(&before);
  if (classified == nullptr) {
    fail(ErrorCode::kInvalidArgument, "expected a head that classifies before one of type ",
         "tip_adapter, got another kind of answer");
  }
  const std::vector<double> sums = votes(image);
  std::vector<std::string> labels(classified->scores.size());
  std::vector<float> logits(labels.size());
  for (ClassScore& score : classified->scores) {
    const auto i = static_cast<std::size_t>(score.index);
    logits[i] = static_cast<float>(score.logit + alpha_ * sums[cache_.names.of(score.label)]);
    labels[i] = std::move(score.label);
  }
  return classify(labels, logits, options.top_k);
}

// A sum for each class. The reference multiplies with a one-hot matrix [N, classes] instead.
std::vector<double> TipAdapterHead::votes(const ImageState& image) const {
  const std::int64_t dim = cache_.keys.dim(1);
  std::vector<float> affinity(cache_.classes.size());
  dot_matrix(unit_embedding_of(image, dim), cache_.keys.floats(), dim, affinity);
  for (float& value : affinity) value = std::exp(beta_ * value - beta_);
  std::vector<double> sums(cache_.names.size());
  for (std::size_t i = 0; i < affinity.size(); ++i) {
    sums[cache_.classes[i]] += static_cast<double>(affinity[i]);
  }
  return sums;
}

TipAdapterParts read_tip_adapter(const HeadContext& context) {
  need_no_templates(context.spec);
  need_parameters(context.spec, {"alpha", "beta"});
  const auto not_negative = [](double value) { return value >= 0; };
  TipAdapterParts parts;
  parts.alpha = need_number(context.spec, "alpha", "of at least 0", not_negative);
  parts.beta = need_number(context.spec, "beta", "of at least 0", not_negative);
  const Manifest& manifest = context.package.manifest();
  if (manifest.classes.empty()) {
    fail(ErrorCode::kCorruptPackage, "expected classes.json with the cache's classes, got none");
  }
  const NamedTensors tensors = need_tensors(context, {"keys", "classes"});
  need_shape(tensors, "keys", DType::kF32, {0, manifest.embed_dim});
  need_shape(tensors, "classes", DType::kI64, {tensors.at("keys").dim(0)});
  parts.keys = tensors.at("keys");
  parts.classes = tensors.at("classes");
  const auto count = static_cast<std::int64_t>(manifest.classes.size());
  for (const std::int64_t index : parts.classes.ints()) {
    if (index < 0 || index >= count) {
      fail(ErrorCode::kCorruptPackage, "expected positions below ", count,
           ", the classes of classes.json, in tensor classes, got ", index);
    }
  }
  return parts;
}

std::shared_ptr<const Head> make_tip_adapter(const HeadContext& context) {
  need_inner(context);
  const TipAdapterParts parts = read_tip_adapter(context);
  const auto classes = parts.classes.ints();
  TipAdapterHead::Cache cache{{context.package.manifest().classes, "of the cache"},
                              parts.keys,
                              {classes.begin(), classes.end()}};
  return std::make_shared<const TipAdapterHead>(context.inner, std::move(cache), parts.alpha,
                                                parts.beta);
}

}  // namespace glint
