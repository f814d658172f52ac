#include "runtime/passes/trial.h"

#include <ATen/ops/sub.h>

#include "core/check.h"

namespace glint::passes {
namespace {

// In f32, by another order of the same sums; a bf16 factor has 8 bits, an 8-bit one is off by up to
// 1/254 of the largest, and the errors average.
double bound_of(Operands operands) {
  return operands == Operands::kInt8 ? 5e-2 : operands == Operands::kBf16 ? 1e-2 : 1e-5;
}

}  // namespace

void expect_close(const at::Tensor& got, const at::Tensor& expected, Operands operands,
                  std::string_view layer, at::IntArrayRef shape) {
  const auto worst = at::sub(got, expected).abs().max().item<double>();
  const double bound = bound_of(operands) * expected.abs().max().item<double>();
  if (!(worst <= bound)) {
    fail(ErrorCode::kInternal, "expected a packed ", layer, " ", shape, " within ", bound,
         " of the plain one, got ", worst);
  }
}

}  // namespace glint::passes
