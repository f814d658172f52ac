#include <ATen/ops/empty.h>
#include <glint/tensor.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "kernels/planes.h"
#include "runtime/empty_tensor.h"
#include "runtime/guard.h"
#include "runtime/tensor_impl.h"

namespace glint {
namespace {

std::int64_t count_of(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    // Strides must not overflow in an empty tensor either.
    if (size < 0 || __builtin_mul_overflow(count, std::max<std::int64_t>(size, 1), &count)) {
      fail(ErrorCode::kInvalidArgument, "expected a shape of sizes >= 0 with a product below 2^63");
    }
    empty = empty || size == 0;
  }
  return empty ? 0 : count;
}

// `tensor` with its numbers in the order of its sizes. What convolutions give lies by pixels, and
// ATen takes three times as long for it.
at::Tensor in_order(const at::Tensor& tensor) {
  const bool by_pixels = tensor.dim() == 4 && tensor.is_cpu() &&
                         tensor.scalar_type() == at::kFloat && !tensor.is_contiguous() &&
                         tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
  if (!by_pixels) return tensor.contiguous();
  at::Tensor planes = empty_tensor(tensor.sizes(), tensor.options());
  to_planes(tensor.const_data_ptr<float>(), tensor.size(0), tensor.size(2) * tensor.size(3),
            tensor.size(1), planes.mutable_data_ptr<float>());
  return planes;
}

template <typename T>
Tensor copy_of(const std::vector<std::int64_t>& shape, std::span<const T> values,
               at::ScalarType dtype) {
  const std::int64_t count = count_of(shape);
  if (count != static_cast<std::int64_t>(values.size())) {
    fail(ErrorCode::kInvalidArgument, "expected ", count, " values for the shape, got ",
         values.size());
  }
  return guarded(ErrorCode::kInternal, "making a tensor", [&] {
    const ComputeScope scope(0);
    at::Tensor value = at::empty(shape, at::TensorOptions().dtype(dtype));
    if (!values.empty()) std::memcpy(value.mutable_data_ptr(), values.data(), values.size_bytes());
    return wrap(std::move(value));
  });
}

template <typename T>
std::span<const T> numbers(const Tensor& tensor, at::ScalarType dtype, std::string_view wanted) {
  const at::Tensor& value = tensor.impl().value;
  if (value.scalar_type() != dtype || !value.is_cpu()) {
    fail(ErrorCode::kInvalidArgument, "expected ", wanted, " numbers on the CPU, got ",
         to_string(tensor.dtype()), " on ", tensor.device());
  }
  return {static_cast<const T*>(value.const_data_ptr()), static_cast<std::size_t>(value.numel())};
}

}  // namespace

Tensor::Impl::Impl(at::Tensor tensor) : value(in_order(tensor)), shape(value.sizes().vec()) {}

const at::Tensor& unwrap(const Tensor& tensor, std::string_view name) {
  if (tensor.empty()) fail(ErrorCode::kInvalidArgument, "expected a tensor ", name, ", got none");
  return tensor.impl().value;
}

std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kI64:
      return "i64";
  }
  return "unknown";
}

Tensor Tensor::from(std::vector<std::int64_t> shape, std::span<const float> values) {
  return copy_of(shape, values, at::kFloat);
}

Tensor Tensor::from(std::vector<std::int64_t> shape, std::span<const std::int64_t> values) {
  return copy_of(shape, values, at::kLong);
}

const Tensor::Impl& Tensor::impl() const {
  if (!impl_) fail(ErrorCode::kInvalidArgument, "expected a tensor, got an empty one");
  return *impl_;
}

std::span<const std::int64_t> Tensor::shape() const { return impl().shape; }

std::int64_t Tensor::dim(std::size_t axis) const {
  if (axis >= impl().shape.size()) {
    fail(ErrorCode::kInvalidArgument, "expected an axis below ", impl().shape.size(), ", got ",
         axis);
  }
  return impl().shape[axis];
}

DType Tensor::dtype() const {
  switch (impl().value.scalar_type()) {
    case at::kFloat:
      return DType::kF32;
    case at::kHalf:
      return DType::kF16;
    case at::kLong:
      return DType::kI64;
    default:
      fail(ErrorCode::kInternal, "internal error: a tensor of dtype ",
           c10::toString(impl().value.scalar_type()));
  }
}

std::string Tensor::device() const { return impl().value.device().str(); }

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  const at::Tensor& value = impl().value;
  if (value.dim() == 0 || begin < 0 || end < begin || end > value.size(0)) {
    fail(ErrorCode::kInvalidArgument, "expected a range inside ", shape_text(shape()), ", got ",
         begin, " to ", end);
  }
  return guarded(ErrorCode::kInternal, "slicing a tensor", [&] {
    const ComputeScope scope(0);
    return wrap(value.narrow(0, begin, end - begin));
  });
}

Tensor Tensor::reshape(std::vector<std::int64_t> shape) const {
  const at::Tensor& value = impl().value;
  if (count_of(shape) != value.numel()) {
    fail(ErrorCode::kInvalidArgument, "expected a shape of ", value.numel(), " numbers, got ",
         shape_text(shape));
  }
  return guarded(ErrorCode::kInternal, "reshaping a tensor", [&] {
    const ComputeScope scope(0);
    return wrap(value.view(shape));
  });
}

Tensor Tensor::cpu() const {
  const at::Tensor& value = impl().value;
  const bool wanted = value.scalar_type() == at::kFloat || value.scalar_type() == at::kLong;
  if (value.is_cpu() && wanted) return *this;
  return guarded(ErrorCode::kDevice, "copying a tensor to the CPU", [&] {
    const ComputeScope scope(0);
    return wrap(value.to(at::kCPU, wanted ? value.scalar_type() : at::kFloat));
  });
}

std::span<const float> Tensor::floats() const { return numbers<float>(*this, at::kFloat, "f32"); }

std::span<const std::int64_t> Tensor::ints() const {
  return numbers<std::int64_t>(*this, at::kLong, "i64");
}

}  // namespace glint
