#include "runtime/passes/packed_linear.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>

#include <optional>
#include <utility>

#include "runtime/empty_tensor.h"
#include "runtime/passes/sum.h"
#include "runtime/passes/trial.h"

namespace glint::passes {
namespace {

constexpr std::int64_t kTrialRows = 4;

const float* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

// Numbers from a row of x to the next; nullopt: they do not all lie equally far apart.
std::optional<std::int64_t> row_stride(const at::Tensor& x) {
  const std::int64_t numbers = x.size(-1);
  if (x.stride(-1) != 1 && numbers != 1) return std::nullopt;
  std::int64_t rows = 1, stride = numbers;
  for (std::int64_t d = x.dim() - 2; d >= 0; --d) {
    if (x.size(d) == 1) continue;
    if (rows == 1) stride = x.stride(d);
    if (x.stride(d) != rows * stride) return std::nullopt;
    rows *= x.size(d);
  }
  return stride < numbers ? std::nullopt : std::optional(stride);
}

}  // namespace

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Operands operands)
    : matmul_(weight.contiguous().const_data_ptr<float>(), data_or_null(bias), weight.size(1),
              weight.size(0), operands) {
  const at::Tensor trial = at::randn({kTrialRows, weight.size(1)});
  expect_close(run(trial, {}), at::linear(trial, weight, bias), operands, "linear layer",
               weight.sizes());
}

at::Tensor PackedLinear::run(const at::Tensor& x, LinearSteps steps) const {
  const std::int64_t in = matmul_.in_features();
  TORCH_CHECK(x.dim() > 0 && x.size(-1) == in && x.scalar_type() == at::kFloat, "expected rows of ",
              in, " float numbers, got ", x.sizes());
  auto shape = x.sizes().vec();
  shape.back() = matmul_.out_features();
  at::Tensor late = std::exchange(steps.other, {});
  const bool rectify = steps.rectify;
  if (late.defined() && late.sizes() == shape && late.scalar_type() == at::kFloat) {
    steps.other = std::exchange(late, {}).contiguous();
  }
  steps.rectify = rectify && !late.defined();
  const at::Tensor y = steps.spaced && !steps.other.defined()
                           ? spaced_tensor(shape, x.options())
                           : room_for_sum(steps.other, shape, x.options());
  run_into(x, steps, y);
  return add_broadcast(y, late, rectify);
}

void PackedLinear::run_into(const at::Tensor& x, const LinearSteps& steps,
                            const at::Tensor& y) const {
  const auto stride = row_stride(x);
  const at::Tensor rows = stride ? x : x.contiguous();
  std::optional<LayerNorm> norm;
  if (steps.norm) {
    norm = {data_or_null(steps.norm->weight), data_or_null(steps.norm->bias),
            static_cast<float>(steps.norm->epsilon)};
  }
  matmul_.run(rows.const_data_ptr<float>(), x.numel() / matmul_.in_features(),
              {.norm = norm ? &*norm : nullptr,
               .activation = steps.activation,
               .other = data_or_null(steps.other),
               .rectify = steps.rectify},
              y.mutable_data_ptr<float>(),
              {.x = stride.value_or(0), .y = row_stride(y).value_or(0)});
}

}  // namespace glint::passes
