#include "kernels/head_products.h"

#include <exception>

namespace glint {

HeadProducts::HeadProducts(const float* weights, const float* biases, std::int64_t heads,
                           std::int64_t in, std::int64_t out, Operands operands) {
  for (std::int64_t h = 0; h < heads; ++h) {
    const float* bias = biases == nullptr ? nullptr : biases + h * out;
    heads_.push_back(
        std::make_unique<PackedMatmul>(weights + h * out * in, bias, in, out, operands));
  }
}

void HeadProducts::run(const float* x, std::int64_t rows, float* y) const {
  std::exception_ptr failure;  // which may not leave a parallel region
#pragma omp parallel for schedule(static)
  for (std::int64_t h = 0; h < heads(); ++h) {
    try {
      heads_[static_cast<std::size_t>(h)]->run(x + h * rows * in_features(), rows, {},
                                               y + h * rows * out_features());
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace glint
