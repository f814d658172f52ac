// The sum of what a layer computes and another tensor.
#pragma once

#include <ATen/core/Tensor.h>

namespace glint::passes {

// Where a layer writes y [shape] f32, contiguous. `other` is what it adds on the way, contiguous
// and of as many numbers, or undefined: it is written over where this is the last that refers to
// it, since its lines are in the cache, and as many others then need not be.
at::Tensor room_for_sum(const at::Tensor& other, at::IntArrayRef shape,
                        const at::TensorOptions& options);

// y + other, broadcast, and max(., 0) of it where `rectify`; y where `other` is undefined.
at::Tensor add_broadcast(const at::Tensor& y, const at::Tensor& other, bool rectify);

}  // namespace glint::passes
