#include "image/weights.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace glint {
namespace {

// Resample.c: bilinear_filter, bicubic_filter (a = -0.5), in the same order of operations. ATen's
// HelperInterpCubic multiplies by a elsewhere, which is exact for a power of two.
double triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// The kernel's place along one axis. Pillow passes the input size as a C float; ATen does not, which
// makes a difference only beyond 2^24 samples and is not told apart here.
class StretchedKernel {
 public:
  StretchedKernel(std::int64_t in_size, std::int64_t out_size, Interpolation kernel)
      : in_size_(in_size),
        kernel_(kernel),
        scale_(static_cast<double>(static_cast<float>(in_size)) / static_cast<double>(out_size)),
        stretch_(std::max(scale_, 1.0)),
        support_((kernel == Interpolation::kBicubic ? 2.0 : 1.0) * stretch_) {}

  double support() const { return support_; }  // half the stretched kernel's width, input samples

  // The first input sample under the kernel of output sample i; `values` gets the weights, sum 1.
  std::int64_t weigh(std::int64_t i, std::vector<double>& values) const {
    const double center = (static_cast<double>(i) + 0.5) * scale_;
    const double inverse_stretch = 1.0 / stretch_;
    const std::int64_t first =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(center - support_ + 0.5));
    const std::int64_t last =
        std::min(in_size_, static_cast<std::int64_t>(center + support_ + 0.5));
    values.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, last - first)));
    double sum = 0.0;
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double x = (static_cast<double>(first + static_cast<std::int64_t>(k)) - center + 0.5) *
                       inverse_stretch;
      values[k] = kernel_ == Interpolation::kBicubic ? cubic(x) : triangle(x);
      sum += values[k];
    }
    if (sum != 0.0) {
      for (double& value : values) value /= sum;
    }
    return first;
  }

 private:
  std::int64_t in_size_;
  Interpolation kernel_;
  double scale_;    // input samples an output sample
  double stretch_;  // of the kernel
  double support_;
};

std::int32_t to_fixed(double weight, double one) {
  return static_cast<std::int32_t>(weight < 0 ? -0.5 + weight * one : 0.5 + weight * one);
}

}  // namespace

int aten_weight_bits(std::int64_t in_size, std::int64_t out_size, Interpolation kernel) {
  const StretchedKernel stretched(in_size, out_size, kernel);
  std::vector<double> values;
  double largest = 0.0;
  for (std::int64_t i = 0; i < out_size; ++i) {
    stretched.weigh(i, values);
    for (const double value : values) largest = std::max(largest, value);
  }
  int bits = 0;
  while (bits < 22 && static_cast<int>(0.5 + largest * (1 << (bits + 1))) < 1 << 15) ++bits;
  return bits;
}

std::int64_t max_taps(const AxisResize& axis) {
  const StretchedKernel stretched(axis.in_size, axis.out_size, axis.kernel);
  return std::min(axis.in_size, static_cast<std::int64_t>(std::ceil(stretched.support())) * 2 + 1);
}

AxisWeights axis_weights(const AxisResize& axis, std::int64_t begin, std::int64_t end) {
  const StretchedKernel stretched(axis.in_size, axis.out_size, axis.kernel);
  const double one = 1 << axis.weight_bits;
  std::vector<double> values;  // of one output sample
  AxisWeights result{.taps = {}, .weights = {}, .bits = axis.weight_bits};
  result.taps.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t first = stretched.weigh(i, values);
    result.taps.push_back(
        {.first = first, .count = std::ssize(values), .offset = std::ssize(result.weights)});
    for (const double value : values) result.weights.push_back(to_fixed(value, one));
  }
  return result;
}

}  // namespace glint
