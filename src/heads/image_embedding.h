// What most heads read of an image.
#pragma once

#include <glint/head.h>

#include <span>

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

}  // namespace glint
