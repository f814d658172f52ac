#include "runtime/passes/packed_linear.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sub.h>

#include <optional>

#include "core/check.h"

namespace glint::passes {
namespace {

constexpr std::int64_t kTrialRows = 4;

// What a trial may differ by: in f32, by another order of the same sums; a bf16 factor has 8 bits,
// an 8-bit one is off by up to 1/254 of the largest, and the errors average.
double trial_bound(Operands operands) {
  return operands == Operands::kInt8 ? 5e-2 : operands == Operands::kBf16 ? 1e-2 : 1e-5;
}

const float* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

}  // namespace

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Operands operands)
    : matmul_(weight.contiguous().const_data_ptr<float>(), data_or_null(bias), weight.size(1),
              weight.size(0), operands) {
  const at::Tensor trial = at::randn({kTrialRows, weight.size(1)});
  const at::Tensor expected = at::linear(trial, weight, bias);
  const auto worst = at::sub(run(trial, {}), expected).abs().max().item<double>();
  const double bound = trial_bound(operands) * expected.abs().max().item<double>();
  if (!(worst <= bound)) {
    fail(ErrorCode::kInternal, "expected a packed linear layer [", weight.size(0), ", ",
         weight.size(1), "] within ", bound, " of the plain one, got ", worst);
  }
}

at::Tensor PackedLinear::run(const at::Tensor& x, const LinearSteps& steps) const {
  const std::int64_t in = matmul_.in_features();
  TORCH_CHECK(x.dim() > 0 && x.size(-1) == in && x.scalar_type() == at::kFloat, "expected rows of ",
              in, " float numbers, got ", x.sizes());
  auto shape = x.sizes().vec();
  shape.back() = matmul_.out_features();
  const at::Tensor y = at::empty(shape, x.options().memory_format(at::MemoryFormat::Contiguous));
  const at::Tensor& other = steps.other;
  const bool late =
      other.defined() && (other.sizes() != y.sizes() || other.scalar_type() != at::kFloat);
  run_into(x.contiguous(),
           {steps.norm, steps.activation,
            other.defined() && !late ? other.contiguous() : at::Tensor(), steps.rectify && !late},
           y);
  if (!late) return y;
  const at::Tensor sum = at::add(y, other);
  return steps.rectify ? sum.clamp_min(0) : sum;
}

void PackedLinear::run_into(const at::Tensor& x, const LinearSteps& steps,
                            const at::Tensor& y) const {
  std::optional<LayerNorm> norm;
  if (steps.norm) {
    norm = {data_or_null(steps.norm->weight), data_or_null(steps.norm->bias),
            static_cast<float>(steps.norm->epsilon)};
  }
  matmul_.run(x.const_data_ptr<float>(), x.numel() / matmul_.in_features(),
              {.norm = norm ? &*norm : nullptr,
               .activation = steps.activation,
               .other = data_or_null(steps.other),
               .rectify = steps.rectify},
              y.mutable_data_ptr<float>());
}

}  // namespace glint::passes
