#include <glint/similarity.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/check.h"
#include "similarity/implementation.h"

namespace glint {
namespace {

std::size_t row_count(std::size_t size, std::int64_t d, const char* name) {
  if (d < 1 || size % static_cast<std::size_t>(d) != 0) {
    fail(ErrorCode::kInvalidArgument, "expected ", name, " to hold rows of ", d,
         " numbers (at least 1), got ", size, " numbers");
  }
  return size / static_cast<std::size_t>(d);
}

}  // namespace

void normalize_rows(std::span<float> a, std::int64_t d) {
  const std::size_t rows = row_count(a.size(), d, "a");
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = a.subspan(i * static_cast<std::size_t>(d), static_cast<std::size_t>(d));
    double sum = 0;
    for (const float v : row) sum += static_cast<double>(v) * v;
    if (sum == 0) continue;
    const double scale =
        std::isfinite(sum) ? 1 / std::sqrt(sum) : std::numeric_limits<double>::quiet_NaN();
    for (float& v : row) v = static_cast<float>(v * scale);
  }
}

void dot_matrix(std::span<const float> a, std::span<const float> b, std::int64_t d,
                std::span<float> out) {
  const std::size_t rows = row_count(a.size(), d, "a");
  const std::size_t columns = row_count(b.size(), d, "b");
  if (out.size() != rows * columns) {
    fail(ErrorCode::kInvalidArgument, "expected out to hold ", rows, " * ", columns,
         " numbers, got ", out.size());
  }
  // out [i, t]: a's rows are the kernel's queries.
  best_implementation().dot_f32(b.data(), columns, a.data(), rows, static_cast<std::size_t>(d),
                                out.data());
}

void softmax(std::span<const float> logits, std::span<float> out) {
  if (out.size() != logits.size()) {
    fail(ErrorCode::kInvalidArgument, "expected out to hold ", logits.size(), " numbers, got ",
         out.size());
  }
  if (logits.empty()) return;
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    out[i] = static_cast<float>(std::exp(logits[i] - max) / sum);
  }
}

std::vector<std::int64_t> top_k(std::span<const float> values, std::int64_t k) {
  if (k < 0) fail(ErrorCode::kInvalidArgument, "expected k of at least 0, got ", k);
  return within_memory("top_k", [&] {
    std::vector<std::int64_t> order(values.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const auto better = [&](std::int64_t a, std::int64_t b) {
      const float x = values[static_cast<std::size_t>(a)];
      const float y = values[static_cast<std::size_t>(b)];
      if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
      if (x != y && !std::isnan(x)) return x > y;
      return a < b;
    };
    const auto kept = std::min<std::size_t>(order.size(), static_cast<std::size_t>(k));
    // partial_sort of all is a heap sort, which takes longer.
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(kept);
    if (end == order.end()) {
      std::sort(order.begin(), end, better);
    } else {
      std::partial_sort(order.begin(), end, order.end(), better);
    }
    order.resize(kept);
    return order;
  });
}

}  // namespace glint
