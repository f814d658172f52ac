// The LibTorch tensor behind a Tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <glint/tensor.h>

#include <memory>
#include <vector>

namespace glint {

struct Tensor::Impl {
  explicit Impl(at::Tensor tensor);
  at::Tensor value;                 // contiguous
  std::vector<std::int64_t> shape;  // of value
};

inline Tensor wrap(at::Tensor value) {
  return Tensor(std::make_shared<const Tensor::Impl>(std::move(value)));
}

// Throws Error(kInvalidArgument) when `tensor` is empty(); `name` says which one it is.
const at::Tensor& unwrap(const Tensor& tensor, std::string_view name);

}  // namespace glint
