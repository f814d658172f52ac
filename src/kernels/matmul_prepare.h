// Rows of f32 made ready to be multiplied: normalised where a layer norm stands in front.
#pragma once

#include <cmath>

#include "kernels/matmul_kernels.h"
#include "kernels/vector.h"

namespace glint {
namespace {

// Calls visit(first, count) for the vectors of a row, the last of which may be short.
template <typename Visit>
inline void by_vectors(std::int64_t depth, const Visit& visit) {
  std::int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) visit(k, std::int64_t{kLanes});
  if (k < depth) visit(k, depth - k);
}

inline Floats row_part(const float* x, std::int64_t first, std::int64_t count) {
  return count == kLanes ? load<Floats>(x + first) : load_first<Floats>(x + first, count);
}

// A row as it enters the product.
class Row {
 public:
  Row(const float* x, std::int64_t depth, const LayerNorm* norm) : x_(x), norm_(norm) {
    if (norm == nullptr) return;
    Floats sum{};
    by_vectors(depth, [&](auto k, auto count) { sum += row_part(x, k, count); });
    mean_ = sum_of(sum) / static_cast<float>(depth);
    Floats squares{};
    by_vectors(depth, [&](auto k, auto count) {
      const Floats off = row_part(x, k, count) - mean_;
      if (count == kLanes) {
        squares += off * off;
      } else {
        for (std::int64_t i = 0; i < count; ++i) squares[i] += off[i] * off[i];
      }
    });
    inverse_ = 1 / std::sqrt(sum_of(squares) / static_cast<float>(depth) + norm->epsilon);
  }
  Floats operator()(std::int64_t first, std::int64_t count) const {
    const Floats part = row_part(x_, first, count);
    if (norm_ == nullptr) return part;
    return (part - mean_) * inverse_ * row_part(norm_->weight, first, count) +
           row_part(norm_->bias, first, count);
  }

 private:
  const float* x_;
  const LayerNorm* norm_;
  float mean_ = 0, inverse_ = 1;
};

inline float prepare_f32(const float* x, std::int64_t depth, const LayerNorm* norm,
                         std::uint32_t* words) {
  const Row row(x, depth, norm);
  by_vectors(depth, [&](auto k, auto count) {
    if (count == kLanes) {
      store(words + k, row(k, count));
    } else {
      store_first(words + k, row(k, count), count);
    }
  });
  return 1;
}

}  // namespace
}  // namespace glint
