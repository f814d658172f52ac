// An LSeg of arithmetic, and what the official evaluation makes of it, said as plainly as it can
// be: all logits of all labels are stored, at every size they pass through.
#pragma once

#include <glint/preprocess.h>
#include <glint/resize.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "heads/lseg.h"

namespace glint::test {

inline constexpr std::int64_t kLsegDim = 11, kLsegMultiple = 8;

// Texts embed by their bytes, pixels by their colours and those of their neighbours.
class DotTowers final : public Towers {
 public:
  explicit DotTowers(std::int64_t max_batch = 3) : max_batch_(max_batch) {
    manifest_.name = "dots";
    manifest_.embed_dim = kLsegDim;
    manifest_.logit = {.scale = 14.285714285714285, .bias = 0};
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
    EXPECT_EQ(method, "forward");
    const Tensor& pixels = inputs.at("pixels");
    EXPECT_LE(pixels.dim(0), max_batch_);
    EXPECT_EQ(pixels.dim(2) % kLsegMultiple, 0);
    EXPECT_EQ(pixels.dim(3) % kLsegMultiple, 0);
    batches_.push_back(pixels.dim(0));
    std::vector<float> maps;
    const auto size = static_cast<std::size_t>(3 * pixels.dim(2) * pixels.dim(3));
    for (std::int64_t b = 0; b < pixels.dim(0); ++b) {
      add_map(pixels.floats().subspan(static_cast<std::size_t>(b) * size, size),
              {pixels.dim(2), pixels.dim(3)}, maps);
    }
    return {{"map",
             Tensor::from({pixels.dim(0), kLsegDim, pixels.dim(2) / 2, pixels.dim(3) / 2}, maps)}};
  }

  Manifest manifest_;
  std::int64_t max_batch_;
  mutable std::vector<std::int64_t> batches_;

 private:
  static Tensor texts(const Tensor& ids) {
    std::vector<float> rows;
    const std::int64_t length = ids.dim(1);
    for (std::int64_t t = 0; t < ids.dim(0); ++t) {
      double sum = 0;
      for (std::int64_t i = 0; i < length; ++i) {
        sum += static_cast<double>((i + 1) * ids.ints()[static_cast<std::size_t>(t * length + i)]);
      }
      for (std::int64_t d = 0; d < kLsegDim; ++d) {
        rows.push_back(3 *
                       static_cast<float>(std::sin(sum * (1.3 + 0.7 * static_cast<double>(d)))));
      }
    }
    return Tensor::from({ids.dim(0), kLsegDim}, rows);
  }

  static void add_map(std::span<const float> pixels, PlaneSize size, std::vector<float>& maps) {
    const PlaneSize half{size.height / 2, size.width / 2};
    const auto plane = static_cast<std::size_t>(half.height * half.width);
    const std::size_t begin = maps.size();
    maps.resize(begin + kLsegDim * plane);
    for (std::int64_t y = 0; y < half.height; ++y) {
      for (std::int64_t x = 0; x < half.width; ++x) {
        double squares = 0;
        std::array<double, kLsegDim> vector{};
        for (std::int64_t d = 0; d < kLsegDim; ++d) {
          const auto at = [&](std::int64_t c) {
            return pixels[static_cast<std::size_t>((c * size.height + 2 * y) * size.width + 2 * x)];
          };
          const double angle = (1.5 + static_cast<double>(d)) * at(0) + 2.5 * at(1) - 2 * at(2) +
                               0.9 * static_cast<double>(d) + 0.02 * static_cast<double>(x);
          vector[static_cast<std::size_t>(d)] = std::sin(angle);
          squares += std::sin(angle) * std::sin(angle);
        }
        for (std::int64_t d = 0; d < kLsegDim; ++d) {
          maps[begin + static_cast<std::size_t>(d) * plane +
               static_cast<std::size_t>(y * half.width + x)] =
              static_cast<float>(vector[static_cast<std::size_t>(d)] / std::sqrt(squares));
        }
      }
    }
  }
};

inline PreprocessSpec lseg_spec() {
  return {.width = 48,
          .height = 48,
          .geometry = Geometry::kSquash,
          .interpolation = Interpolation::kBilinear,
          .arithmetic = Arithmetic::kTorch,
          .align_corners = true,
          .rgb = RgbConversion::kBeforeResize,
          .mean = {0.5F, 0.5F, 0.5F},
          .std = {0.5F, 0.5F, 0.5F}};
}

inline LsegRule lseg_rule() {
  return {.base_size = 52,
          .crop_size = 48,
          .stride = 32,
          .scales = {0.5, 1, 1.75},
          .flip = true,
          .single_size = 48,
          .size_multiple = kLsegMultiple,
          .pad = -1};
}

// [K, 2 Y, 2 X] for a map [D, Y, X]: the end of LSeg.forward.
inline std::vector<float> window_logits(const Tensor& map, const ClassBank& bank, double scale,
                                        const LsegBlock& block) {
  const std::int64_t labels = std::ssize(bank.labels), dim = bank.rows.dim(1);
  const PlaneSize half{map.dim(2), map.dim(3)};
  const std::int64_t plane = half.height * half.width;
  std::vector<float> logits;
  for (std::int64_t k = 0; k < labels; ++k) {
    for (std::int64_t i = 0; i < plane; ++i) {
      double sum = 0;
      for (std::int64_t d = 0; d < dim; ++d) {
        sum += static_cast<double>(map.floats()[static_cast<std::size_t>(d * plane + i)]) *
               bank.rows.floats()[static_cast<std::size_t>(k * dim + d)];
      }
      logits.push_back(static_cast<float>(scale * sum));
    }
  }
  for (std::int64_t time = 1; time <= block.depth; ++time) {
    std::vector<float> next;
    for (std::int64_t k = 0; k < labels; ++k) {
      for (std::int64_t i = 0; i < plane; ++i) {
        double sum = block.bias;
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t y = i / half.width + tap / 3 - 1, x = i % half.width + tap % 3 - 1;
          if (y < 0 || y >= half.height || x < 0 || x >= half.width) continue;
          sum += static_cast<double>(block.weight[static_cast<std::size_t>(tap)]) *
                 logits[static_cast<std::size_t>(k * plane + y * half.width + x)];
        }
        if (block.kind == LsegBlock::Kind::kBottleneck) {
          float largest = logits[static_cast<std::size_t>(i)];
          for (std::int64_t other = 1; other < labels; ++other) {
            largest = std::max(largest, logits[static_cast<std::size_t>(other * plane + i)]);
          }
          sum += largest;
        }
        if (time < block.depth) {
          if (block.activation == LsegBlock::Activation::kTanh)
            sum = std::tanh(sum);
          else if (sum < 0)
            sum *= block.activation == LsegBlock::Activation::kRelu ? 0 : 0.01;
        }
        next.push_back(static_cast<float>(sum));
      }
    }
    logits = next;
  }
  std::vector<float> doubled(4 * logits.size());
  resize_bilinear(logits, half, doubled, {2 * half.height, 2 * half.width}, true);
  return doubled;
}

inline std::vector<float> scaled_pixels(const Image& picture, PlaneSize size) {
  PreprocessSpec spec = lseg_spec();
  spec.height = size.height;
  spec.width = size.width;
  return Preprocessor(spec)(picture);
}

// [K, height, width] of the picture.
inline std::vector<float> single_logits(const Image& picture, const ClassBank& bank,
                                        const LsegRule& rule, const LsegBlock& block) {
  const DotTowers towers(1000);
  const PlaneSize frame = single_frame(rule, picture.width(), picture.height());
  const auto map = towers.call(
      "image", "forward",
      {{"pixels", Tensor::from({1, 3, frame.height, frame.width}, scaled_pixels(picture, frame))}});
  const auto logits = window_logits(map.at("map"), bank, towers.manifest_.logit.scale, block);
  std::vector<float> out(bank.labels.size() * picture.pixels().size() / 3);
  resize_bilinear(logits, frame, out, {picture.height(), picture.width()}, true);
  return out;
}

// LSeg_MultiEvalModule.forward: [K, height, width] of the picture.
inline std::vector<float> official_logits(const Image& picture, const ClassBank& bank,
                                          const LsegRule& rule, const LsegBlock& block) {
  const DotTowers towers(1000);
  const std::int64_t w = picture.width(), h = picture.height(), crop = rule.crop_size;
  const std::int64_t labels = std::ssize(bank.labels);
  std::vector<float> scores(static_cast<std::size_t>(labels * w * h));
  for (const double scale : rule.scales) {
    const auto longer =
        static_cast<std::int64_t>(std::ceil(static_cast<double>(rule.base_size) * scale));
    PlaneSize size{longer, longer};
    const auto rounded = [&](std::int64_t a, std::int64_t b) {
      return std::max<std::int64_t>(
          1, static_cast<std::int64_t>(1.0 * static_cast<double>(a) * static_cast<double>(longer) /
                                           static_cast<double>(b) +
                                       0.5));
    };
    if (h > w)
      size.width = rounded(w, h);
    else
      size.height = rounded(h, w);
    const PlaneSize padded{std::max(size.height, crop), std::max(size.width, crop)};
    const auto small = scaled_pixels(picture, size);
    const auto at = [](std::int64_t c, std::int64_t y, std::int64_t x, PlaneSize of) {
      return static_cast<std::size_t>((c * of.height + y) * of.width + x);
    };
    std::vector<float> sums(static_cast<std::size_t>(labels * padded.height * padded.width));
    std::vector<float> counts(static_cast<std::size_t>(padded.height * padded.width));
    const auto grids = [&](std::int64_t side) {
      return static_cast<std::int64_t>(
                 std::ceil(static_cast<double>(side - crop) / static_cast<double>(rule.stride))) +
             1;
    };
    for (std::int64_t i = 0; i < grids(padded.height); ++i) {
      for (std::int64_t j = 0; j < grids(padded.width); ++j) {
        const std::int64_t top = i * rule.stride, left = j * rule.stride;
        std::vector<float> window(static_cast<std::size_t>(3 * crop * crop), rule.pad);
        for (std::int64_t c = 0; c < 3; ++c) {
          for (std::int64_t y = top; y < std::min(top + crop, size.height); ++y) {
            for (std::int64_t x = left; x < std::min(left + crop, size.width); ++x) {
              window[at(c, y - top, x - left, {crop, crop})] = small[at(c, y, x, size)];
            }
          }
        }
        const auto forward = [&](const std::vector<float>& pixels) {
          return window_logits(
              towers
                  .call("image", "forward", {{"pixels", Tensor::from({1, 3, crop, crop}, pixels)}})
                  .at("map"),
              bank, towers.manifest_.logit.scale, block);
        };
        const auto mirrored = [&](std::vector<float> values) {
          for (auto row = values.begin(); row != values.end(); row += crop) {
            std::reverse(row, row + crop);
          }
          return values;
        };
        auto output = forward(window);
        if (rule.flip) {
          const auto other = mirrored(forward(mirrored(window)));
          for (std::size_t n = 0; n < output.size(); ++n) output[n] += other[n];
        }
        for (std::int64_t k = 0; k < labels; ++k) {
          for (std::int64_t y = top; y < std::min(top + crop, padded.height); ++y) {
            for (std::int64_t x = left; x < std::min(left + crop, padded.width); ++x) {
              sums[at(k, y, x, padded)] += output[at(k, y - top, x - left, {crop, crop})];
              if (k == 0) counts[at(0, y, x, padded)] += 1;
            }
          }
        }
      }
    }
    std::vector<float> cropped, large(static_cast<std::size_t>(labels * w * h));
    for (std::int64_t k = 0; k < labels; ++k) {
      for (std::int64_t y = 0; y < size.height; ++y) {
        for (std::int64_t x = 0; x < size.width; ++x) {
          cropped.push_back(sums[at(k, y, x, padded)] / counts[at(0, y, x, padded)]);
        }
      }
    }
    resize_bilinear(cropped, size, large, {h, w}, true);
    for (std::size_t n = 0; n < scores.size(); ++n) scores[n] += large[n];
  }
  return scores;
}

}  // namespace glint::test
