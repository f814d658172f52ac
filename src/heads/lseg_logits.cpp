#include "heads/lseg_logits.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "core/check.h"

namespace glint {
namespace {

constexpr std::align_val_t kLine{64};

}  // namespace

void FreeAlignedFloats::operator()(float* numbers) const noexcept {
  ::operator delete[](static_cast<void*>(numbers), kLine);
}

AlignedFloats aligned_floats(std::size_t count) {
  return AlignedFloats(static_cast<float*>(::operator new[](count * sizeof(float), kLine)));
}

LsegWords::LsegWords(const ClassBank& bank, double scale, double bias)
    : kernels_(*matmul_kernels(Operands::kF32).back()),
      labels_(bank.rows.dim(0)),
      dim_(bank.rows.dim(1)),
      // Whole pages apart, the rows of a tile would share a few sets of the first cache.
      stride_(dim_ % 512 == 0 ? dim_ + 16 : dim_),
      bias_(static_cast<float>(bias)),
      rows_(aligned_floats(static_cast<std::size_t>(labels_ * stride_))) {
  const auto rows = bank.rows.floats();
  if (!std::ranges::all_of(rows, [](float value) { return std::isfinite(value); })) {
    fail(ErrorCode::kInvalidArgument, "expected finite embeddings, got NaN or infinity");
  }
  const auto factor = static_cast<float>(scale);
  for (std::int64_t k = 0; k < labels_; ++k) {
    for (std::int64_t d = 0; d < dim_; ++d) {
      rows_[static_cast<std::size_t>(k * stride_ + d)] =
          factor * rows[static_cast<std::size_t>(k * dim_ + d)];
    }
  }
}

// The pixels of a row are the panel, since that is how they lie in the map; the labels are the
// rows.
void LsegWords::logits(const PixelMap& map, std::int64_t y, std::int64_t left, std::int64_t right,
                       LabelRange labels, float* scratch, float* out, std::int64_t stride) const {
  const std::int64_t plane = map.height * map.width, columns = kernels_.columns;
  for (std::int64_t x = left; x < right; x += columns) {
    const std::int64_t count = std::min(columns, right - x);
    const float* const from = map.values.data() + y * map.width + x;
    for (std::int64_t d = 0; d < dim_; ++d) {
      float* const to = scratch + d * columns;
      std::copy_n(from + d * plane, count, to);
      std::fill(to + count, to + columns, 0.0F);
    }
    for (std::int64_t k = labels.first; k < labels.last; k += kernels_.rows) {
      kernels_.multiply({.x = reinterpret_cast<const std::uint32_t*>(rows_.get() + k * stride_),
                         .x_stride = stride_,
                         .rows = std::min(kernels_.rows, labels.last - k),
                         .panel = reinterpret_cast<const std::uint32_t*>(scratch),
                         .depth = dim_,
                         .y = out + (k - labels.first) * stride + x - left,
                         .y_stride = stride,
                         .columns = count});
    }
  }
  if (bias_ == 0) return;
  for (std::int64_t k = 0; k < labels.count(); ++k) {
    for (std::int64_t x = 0; x < right - left; ++x) out[k * stride + x] += bias_;
  }
}

}  // namespace glint
