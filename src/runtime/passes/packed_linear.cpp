#include "runtime/passes/packed_linear.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sub.h>

#include "core/check.h"

namespace glint::passes {
namespace {

constexpr std::int64_t kTrialRows = 4;
constexpr double kTrialBound = 1e-5;      // f32: another order of the same sums
constexpr double kTrialBoundBf16 = 1e-2;  // a factor has 8 bits: 2^-9 off, and the errors average

const float* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

}  // namespace

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Operands operands)
    : matmul_(weight.contiguous().const_data_ptr<float>(), data_or_null(bias), weight.size(1),
              weight.size(0), operands) {
  const at::Tensor trial = at::randn({kTrialRows, weight.size(1)});
  const at::Tensor expected = at::linear(trial, weight, bias);
  const at::Tensor difference = at::sub(run(trial, Activation::kNone), expected);
  const auto worst = difference.abs().max().item<double>();
  const double allowed = operands == Operands::kBf16 ? kTrialBoundBf16 : kTrialBound;
  const double bound = allowed * expected.abs().max().item<double>();
  if (!(worst <= bound)) {
    fail(ErrorCode::kInternal, "expected a packed linear layer [", weight.size(0), ", ",
         weight.size(1), "] within ", bound, " of the plain one, got ", worst);
  }
}

at::Tensor PackedLinear::result_for(const at::Tensor& x) const {
  TORCH_CHECK(x.dim() > 0 && x.size(-1) == matmul_.in_features() && x.scalar_type() == at::kFloat,
              "expected rows of ", matmul_.in_features(), " float numbers, got ", x.sizes());
  auto shape = x.sizes().vec();
  shape.back() = matmul_.out_features();
  return at::empty(shape, x.options().memory_format(at::MemoryFormat::Contiguous));
}

at::Tensor PackedLinear::operands_of(const at::Tensor& x) const {
  const at::Tensor rows = x.contiguous();
  return matmul_.operands() == Operands::kBf16 ? rows.to(at::kBFloat16) : rows;
}

at::Tensor PackedLinear::run(const at::Tensor& x, Activation activation) const {
  at::Tensor y = result_for(x);
  const at::Tensor rows = operands_of(x);
  matmul_.run(rows.const_data_ptr(), rows.numel() / matmul_.in_features(), activation,
              y.mutable_data_ptr<float>());
  return y;
}

at::Tensor PackedLinear::run_add(const at::Tensor& x, const at::Tensor& other) const {
  at::Tensor y = result_for(x);
  if (other.sizes() != y.sizes() || other.scalar_type() != at::kFloat) {
    return at::add(run(x, Activation::kNone), other);
  }
  const at::Tensor rows = operands_of(x), added = other.contiguous();
  matmul_.run_add(rows.const_data_ptr(), rows.numel() / matmul_.in_features(),
                  added.const_data_ptr<float>(), y.mutable_data_ptr<float>());
  return y;
}

}  // namespace glint::passes
