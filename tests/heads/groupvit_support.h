// A GroupViT of arithmetic, and what the official evaluation makes of it, said as plainly as it can
// be: every map of every label is stored.
#pragma once

#include <glint/resize.h>
#include <glint/similarity.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "heads/groupvit.h"

namespace glint::test {

inline constexpr std::int64_t kDim = 6, kGroups = 5, kFirst = 7, kPatch = 8;

// Texts embed by their bytes. Of pixels, the mean of each patch decides the assignments, and the
// mean of the picture the embeddings.
class PatternTowers final : public Towers {
 public:
  explicit PatternTowers(std::int64_t max_batch = 3) : max_batch_(max_batch) {
    manifest_.name = "pattern";
    manifest_.embed_dim = kDim;
    manifest_.logit = {.scale = 12, .bias = 0};
  }
  const Manifest& manifest() const override { return manifest_; }
  std::int64_t max_batch() const override { return max_batch_; }
  Tensor pixels(std::span<const ImageView>, std::string_view) const override { return {}; }
  std::vector<std::int64_t> tokenize(std::string_view text) const override {
    return {text.begin(), text.end()};
  }

  NamedTensors call(std::string_view tower, std::string_view method,
                    const NamedTensors& inputs) const override {
    if (tower == "text") return {{"embedding", texts(inputs.at("ids"))}};
    EXPECT_EQ(method, "groups");
    const Tensor& pixels = inputs.at("pixels");
    batches_.push_back(pixels.dim(0));
    EXPECT_LE(pixels.dim(0), max_batch_);
    const std::int64_t batch = pixels.dim(0), rows = pixels.dim(2), columns = pixels.dim(3);
    std::vector<float> first, second, tokens, means;
    for (std::int64_t b = 0; b < batch; ++b) {
      const auto size = static_cast<std::size_t>(3 * rows * columns);
      const auto one = pixels.floats().subspan(static_cast<std::size_t>(b) * size, size);
      add_assignments(one, rows, columns, first, second);
      add_embeddings(one, tokens, means);
    }
    const std::int64_t patches = rows / kPatch * (columns / kPatch);
    return {{"embedding", Tensor::from({batch, kDim}, means)},
            {"tokens", Tensor::from({batch, kGroups, kDim}, tokens)},
            {"assignment_0", Tensor::from({batch, kFirst, patches}, first)},
            {"assignment_1", Tensor::from({batch, kGroups, kFirst}, second)}};
  }

  Manifest manifest_;
  std::int64_t max_batch_;
  mutable std::vector<std::int64_t> batches_;

 private:
  static float wave(double x) { return static_cast<float>(std::sin(x)); }

  static Tensor texts(const Tensor& ids) {
    std::vector<float> rows;
    const std::int64_t length = ids.dim(1);
    for (std::int64_t t = 0; t < ids.dim(0); ++t) {
      double sum = 0;
      for (std::int64_t i = 0; i < length; ++i) {
        sum += static_cast<double>((i + 1) * ids.ints()[static_cast<std::size_t>(t * length + i)]);
      }
      for (std::int64_t d = 0; d < kDim; ++d) {
        rows.push_back(static_cast<float>(length) *
                       wave(sum * (1.3 + 0.7 * static_cast<double>(d))));
      }
    }
    return Tensor::from({ids.dim(0), kDim}, rows);
  }

  // softmax over the first axis of exp(values), columns after it
  static void add_softmax(std::vector<double> values, std::size_t rows, std::vector<float>& to) {
    const std::size_t columns = values.size() / rows;
    for (double& value : values) value = std::exp(value);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        double sum = 0;
        for (std::size_t i = 0; i < rows; ++i) sum += values[i * columns + c];
        to.push_back(static_cast<float>(values[r * columns + c] / sum));
      }
    }
  }

  static void add_assignments(std::span<const float> pixels, std::int64_t rows,
                              std::int64_t columns, std::vector<float>& first,
                              std::vector<float>& second) {
    std::vector<double> claims, between;
    for (std::int64_t s = 0; s < kFirst; ++s) {
      for (std::int64_t y = 0; y < rows / kPatch; ++y) {
        for (std::int64_t x = 0; x < columns / kPatch; ++x) {
          const auto at = static_cast<std::size_t>(y * kPatch * columns + x * kPatch);
          claims.push_back(4 * wave(pixels[at] * static_cast<double>(3 + s) +
                                    0.3 * static_cast<double>(s * y + x)));
        }
      }
    }
    for (std::int64_t g = 0; g < kGroups; ++g) {
      for (std::int64_t s = 0; s < kFirst; ++s) {
        between.push_back(5 * wave(static_cast<double>(3 * g + 5 * s)));
      }
    }
    add_softmax(claims, kFirst, first);
    add_softmax(between, kGroups, second);
  }

  static void add_embeddings(std::span<const float> pixels, std::vector<float>& tokens,
                             std::vector<float>& means) {
    double sum = 0;
    for (const float value : pixels) sum += value;
    const double mean = sum / static_cast<double>(pixels.size());
    for (std::int64_t i = 0; i < kGroups * kDim; ++i) {
      tokens.push_back(3 * wave(static_cast<double>(2 * i) + 5 * mean));
    }
    for (std::int64_t d = 0; d < kDim; ++d) {
      means.push_back(2 * wave(static_cast<double>(d) + 9 * mean));
    }
  }
};

inline PreprocessSpec segment_spec() {
  return {.width = 48,
          .height = 48,
          .geometry = Geometry::kSquash,
          .interpolation = Interpolation::kBilinear,
          .arithmetic = Arithmetic::kOpencv,
          .rgb = RgbConversion::kBeforeResize,
          .mean = {0.5F, 0.5F, 0.5F},
          .std = {0.25F, 0.25F, 0.25F}};
}

inline constexpr GroupVitRule kRule{.short_side = 48,
                                    .long_side = 160,
                                    .crop_size = 48,
                                    .stride = 24,
                                    .patch = kPatch,
                                    .top_classes = 3,
                                    .background_threshold = 0.6F};

// group_vit_seg.py: the values [K, h, w] of a window; `rows`: of all labels, that of the background
// ignored.
inline std::vector<float> window_values(const NamedTensors& outputs, PlaneSize size,
                                        std::span<const float> rows, std::int64_t labels,
                                        std::int64_t background, const GroupVitRule& rule) {
  const auto first = outputs.at("assignment_0").floats();
  const auto second = outputs.at("assignment_1").floats();
  const PlaneSize grid{size.height / kPatch, size.width / kPatch};
  const std::int64_t patches = grid.height * grid.width;
  std::vector<float> maps(static_cast<std::size_t>(kGroups * patches));
  for (std::int64_t g = 0; g < kGroups; ++g) {
    for (std::int64_t n = 0; n < patches; ++n) {
      for (std::int64_t s = 0; s < kFirst; ++s) {
        maps[static_cast<std::size_t>(g * patches + n)] +=
            first[static_cast<std::size_t>(s * patches + n)] *
            second[static_cast<std::size_t>(g * kFirst + s)];
      }
    }
  }
  const auto pixels = static_cast<std::size_t>(size.height * size.width);
  std::vector<float> large(kGroups * pixels);
  resize_bilinear(maps, grid, large, size, false);

  const auto scaled_cosine = [&](std::span<const float> vector, std::int64_t k) {
    double dot = 0, a = 0, b = 0;
    for (std::int64_t d = 0; d < kDim; ++d) {
      const double x = vector[static_cast<std::size_t>(d)];
      const double y = rows[static_cast<std::size_t>(k * kDim + d)];
      dot += x * y, a += x * x, b += y * y;
    }
    return 12 * dot / std::sqrt(a * b);
  };
  std::vector<std::int64_t> encoded;
  for (std::int64_t k = 0; k < labels; ++k) {
    if (k != background) encoded.push_back(k);
  }
  auto best = encoded;
  const auto mean = outputs.at("embedding").floats();
  std::ranges::stable_sort(best, std::greater{},
                           [&](std::int64_t k) { return scaled_cosine(mean, k); });
  best.resize(std::min<std::size_t>(best.size(), static_cast<std::size_t>(rule.top_classes)));
  std::vector<double> matrix(static_cast<std::size_t>(kGroups * labels));
  for (std::int64_t g = 0; g < kGroups; ++g) {
    const auto token =
        outputs.at("tokens").floats().subspan(static_cast<std::size_t>(g * kDim), kDim);
    double over_all = 0, over_best = 0;
    for (const std::int64_t k : encoded) over_all += std::exp(scaled_cosine(token, k));
    for (const std::int64_t k : best) over_best += std::exp(scaled_cosine(token, k));
    for (const std::int64_t k : best) {
      const double e = std::exp(scaled_cosine(token, k));
      matrix[static_cast<std::size_t>(g * labels + k)] = e / over_all * (e / over_best);
    }
  }
  const double threshold = std::min<double>(rule.background_threshold, std::ranges::max(matrix));
  std::vector<float> values(static_cast<std::size_t>(labels) * pixels);
  for (std::size_t p = 0; p < pixels; ++p) {
    std::int64_t group = 0;
    for (std::int64_t g = 1; g < kGroups; ++g) {
      if (large[static_cast<std::size_t>(g) * pixels + p] >
          large[static_cast<std::size_t>(group) * pixels + p]) {
        group = g;
      }
    }
    double largest = 0;
    for (std::int64_t k = 0; k < labels; ++k) {
      const double value = matrix[static_cast<std::size_t>(group * labels + k)];
      largest = std::max(largest, value);
      values[static_cast<std::size_t>(k) * pixels + p] = static_cast<float>(value);
    }
    if (background >= 0 && largest < threshold) {
      values[static_cast<std::size_t>(background) * pixels + p] = 1;
    }
  }
  return values;
}

// mmseg's slide_inference over frame pixels [3, frame], resized to `size`: [K, size].
inline std::vector<float> slide(std::span<const float> pixels, PlaneSize frame, PlaneSize size,
                                const ClassBank& bank, std::int64_t background,
                                const GroupVitRule& rule, Protocol protocol) {
  const PatternTowers towers;
  const std::int64_t labels = std::ssize(bank.labels);
  const bool whole = protocol == Protocol::kSingle;
  const PlaneSize crop{whole ? frame.height : rule.crop_size, whole ? frame.width : rule.crop_size};
  const std::int64_t stride = whole ? std::max(frame.height, frame.width) : rule.stride;
  const auto plane = static_cast<std::size_t>(frame.height * frame.width);
  std::vector<float> sums(static_cast<std::size_t>(labels) * plane), counts(plane);
  const auto grids = [&](std::int64_t side, std::int64_t window) {
    return std::max<std::int64_t>(side - window + stride - 1, 0) / stride + 1;
  };
  for (std::int64_t i = 0; i < grids(frame.height, crop.height); ++i) {
    for (std::int64_t j = 0; j < grids(frame.width, crop.width); ++j) {
      const std::int64_t bottom = std::min(i * stride + crop.height, frame.height);
      const std::int64_t right = std::min(j * stride + crop.width, frame.width);
      const std::int64_t top = std::max<std::int64_t>(bottom - crop.height, 0);
      const std::int64_t left = std::max<std::int64_t>(right - crop.width, 0);
      const PlaneSize window{bottom - top, right - left};
      std::vector<float> part;
      const auto at = [&](std::int64_t c, std::int64_t y, std::int64_t x) {
        return static_cast<std::size_t>((c * frame.height + top + y) * frame.width + left + x);
      };
      for (std::int64_t c = 0; c < 3; ++c) {
        for (std::int64_t y = 0; y < window.height; ++y) {
          for (std::int64_t x = 0; x < window.width; ++x) part.push_back(pixels[at(c, y, x)]);
        }
      }
      const auto outputs = towers.call(
          "image", "groups", {{"pixels", Tensor::from({1, 3, window.height, window.width}, part)}});
      const auto values =
          window_values(outputs, window, bank.rows.floats(), labels, background, rule);
      for (std::int64_t k = 0; k < labels; ++k) {
        for (std::int64_t y = 0; y < window.height; ++y) {
          for (std::int64_t x = 0; x < window.width; ++x) {
            sums[at(k, y, x)] +=
                values[static_cast<std::size_t>((k * window.height + y) * window.width + x)];
            if (k == 0) counts[at(0, y, x)] += 1;
          }
        }
      }
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i % plane];
  std::vector<float> out(static_cast<std::size_t>(labels * size.height * size.width));
  resize_bilinear(sums, frame, out, size, false);
  return out;
}

}  // namespace glint::test
