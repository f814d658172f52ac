// What most heads read of an image.
#pragma once

#include <glint/head.h>
#include <glint/similarity.h>

#include <span>
#include <vector>

#include "core/check.h"

namespace glint {

// The embedding of `image`, not normalised, checked to have `dim` numbers.
// Throws Error(kInvalidArgument).
inline std::span<const float> embedding_of(const ImageState& image, std::int64_t dim) {
  const std::span<const float> embedding =
      image.embedding.empty() ? std::span<const float>{} : image.embedding.floats();
  if (embedding.size() != static_cast<std::size_t>(dim)) {
    fail(ErrorCode::kInvalidArgument, "expected an image embedding of ", dim,
         " numbers from this package, got ", embedding.size());
  }
  return embedding;
}

// The same with unit length: what cosines are taken with.
inline std::vector<float> unit_embedding_of(const ImageState& image, std::int64_t dim) {
  const auto embedding = embedding_of(image, dim);
  std::vector<float> unit(embedding.begin(), embedding.end());
  normalize_rows(unit, dim);
  return unit;
}

// The answer of cosines with the labels' embeddings, by the package's scale and bias.
inline Classification classify_cosines(const std::vector<std::string>& labels,
                                       std::vector<float> cosines, const LogitSpec& logit,
                                       std::int64_t top_k) {
  for (float& value : cosines) {
    value = static_cast<float>(logit.scale) * value + static_cast<float>(logit.bias);
  }
  return classify(labels, cosines, top_k);
}

}  // namespace glint
