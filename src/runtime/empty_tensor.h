// Room for results.
#pragma once

#include <ATen/core/Tensor.h>

namespace glint {

// An at::empty of whole rows; on the CPU, of the call's memory.
at::Tensor empty_tensor(at::IntArrayRef shape, const at::TensorOptions& options);

// The same with a cache line between its rows, which then do not lie whole pages apart.
at::Tensor spaced_tensor(at::IntArrayRef shape, const at::TensorOptions& options);

}  // namespace glint
