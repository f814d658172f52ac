#include "runtime/passes/sum.h"

#include <ATen/ops/add.h>

#include "runtime/empty_tensor.h"

namespace glint::passes {

at::Tensor room_for_sum(const at::Tensor& other, at::IntArrayRef shape,
                        const at::TensorOptions& options) {
  const bool last = other.defined() && other.use_count() == 1 && other.storage().use_count() == 1;
  if (!last) return empty_tensor(shape, options);
  return other.sizes() == shape ? other : other.view(shape);
}

at::Tensor add_broadcast(const at::Tensor& y, const at::Tensor& other, bool rectify) {
  if (!other.defined()) return y;
  const at::Tensor sum = at::add(y, other);
  return rectify ? sum.clamp_min(0) : sum;
}

}  // namespace glint::passes
