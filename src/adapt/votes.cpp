#include "adapt/votes.h"

#include <glint/similarity.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "adapt/key_source.h"
#include "core/check.h"

namespace glint::adapt {
namespace {

// Four sums at once, so that each need not wait for the one before.
double sum(const double* values, std::size_t count) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t j = 0; j < 4; ++j) sums[j] += values[i + j];
  }
  for (; i < count; ++i) sums[0] += values[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void check_positions(std::span<const std::int64_t> classes, std::size_t labels,
                     std::string_view of) {
  for (const std::int64_t index : classes) {
    if (index < 0 || index >= static_cast<std::int64_t>(labels)) {
      fail(ErrorCode::kInvalidArgument, "expected positions below ", labels,
           ", the number of labels, as classes of ", of, ", got ", index);
    }
  }
}

}  // namespace

void check_cache(const Cache& cache) {
  check_labels(cache.labels);
  if (cache.embed_dim < 1 || cache.classes.empty() ||
      cache.keys.size() != cache.classes.size() * static_cast<std::size_t>(cache.embed_dim)) {
    fail(ErrorCode::kInvalidArgument, "expected a cache of keys [N, D] with N classes, got ",
         cache.keys.size(), " numbers, D ", cache.embed_dim, " and ", cache.classes.size(),
         " classes");
  }
  check_positions(cache.classes, cache.labels.size(), "keys");
  const auto usable = [](double value) { return std::isfinite(value) && value >= 0; };
  if (!std::ranges::all_of(cache.keys, [](float value) { return std::isfinite(value); })) {
    fail(ErrorCode::kInvalidArgument, "expected finite keys in a cache, got others");
  }
  if (!usable(cache.alpha) || !usable(cache.beta)) {
    fail(ErrorCode::kInvalidArgument, "expected alpha and beta of at least 0, got ", cache.alpha,
         " and ", cache.beta);
  }
}

void check_pictures_of(const Cache& cache, const Features& pictures) {
  check_cache(cache);
  check_key_source(pictures.source, cache.source, "a set of features");
  if (pictures.labels != cache.labels) {
    fail(ErrorCode::kInvalidArgument, "expected images of the cache's ", cache.labels.size(),
         " classes in their order, got ", pictures.labels.size(), " others");
  }
  const auto rows = static_cast<std::size_t>(pictures.count() * pictures.views);
  if (pictures.embed_dim != cache.embed_dim || rows == 0 ||
      pictures.values.size() != rows * static_cast<std::size_t>(cache.embed_dim) ||
      pictures.logits.size() != rows * cache.labels.size()) {
    fail(ErrorCode::kInvalidArgument, "expected images with ", cache.embed_dim, " numbers and ",
         cache.labels.size(), " logits each, got ", rows, " views with ", pictures.values.size(),
         " numbers and ", pictures.logits.size(), " logits");
  }
  check_positions(pictures.classes, cache.labels.size(), "images");
}

Votes::Votes(const Cache& cache) : dim_(cache.embed_dim), first_(cache.labels.size() + 1) {
  std::vector<std::size_t> order(cache.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return cache.classes[i]; });
  keys_.reserve(cache.keys.size());
  for (const std::size_t i : order) {
    const auto key = cache.keys.begin() + static_cast<std::ptrdiff_t>(i) * dim_;
    keys_.insert(keys_.end(), key, key + dim_);
    ++first_[static_cast<std::size_t>(cache.classes[i]) + 1];
  }
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
}

void Votes::compute(std::span<const float> unit, double start, double step, int steps,
                    std::span<double> out, Scratch& scratch) const {
  auto& [affinity, value, ratio] = scratch;
  affinity.resize(first_.back());
  value.resize(first_.back());
  ratio.resize(first_.back());
  dot_matrix(unit, keys_, dim_, affinity);
  for (std::size_t n = 0; n < affinity.size(); ++n) {
    const double nearness = static_cast<double>(affinity[n]) - 1;
    value[n] = std::exp(start * nearness);
    ratio[n] = std::exp(step * nearness);
  }
  double* sums = out.data();
  for (int i = 0; i < steps; ++i) {
    for (std::size_t k = 0; k < classes(); ++k) {
      *sums++ = sum(value.data() + first_[k], first_[k + 1] - first_[k]);
    }
    if (i + 1 == steps) break;
    for (std::size_t n = 0; n < value.size(); ++n) value[n] *= ratio[n];
  }
}

std::vector<float> unit_first_views(const Features& pictures) {
  const auto dim = static_cast<std::size_t>(pictures.embed_dim);
  const std::size_t stride = dim * static_cast<std::size_t>(pictures.views);
  std::vector<float> rows;
  rows.reserve(dim * pictures.classes.size());
  for (std::size_t at = 0; at < pictures.values.size(); at += stride) {
    const auto view = std::span(pictures.values).subspan(at, dim);
    rows.insert(rows.end(), view.begin(), view.end());
  }
  normalize_rows(rows, pictures.embed_dim);
  return rows;
}

}  // namespace glint::adapt
