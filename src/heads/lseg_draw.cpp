#include "heads/lseg_draw.h"

#include <glint/progress.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/check.h"
#include "image/resize_torch.h"
#include "kernels/label_rows.h"

namespace glint {
namespace {

constexpr std::int64_t kTileWidth = 512;   // pixels, at most
constexpr std::int64_t kTileHeight = 128;  // likewise
constexpr std::int64_t kLabels = 192;      // at a time
// With a block, whose tiles hold all labels.
constexpr std::int64_t kBlockedWidth = 128, kBlockedHeight = 16;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

// What happens to a label's blended row.
struct Sink {
  float* best = nullptr;  // [rows, columns], or nullptr: logits are added
  std::int32_t* label = nullptr;
  std::int64_t columns = 0;
  const LogitRow* to = nullptr;

  void take(const LabelRowKernels& kernels, const ThreeRows& in, std::int64_t k, std::int64_t row,
            std::int64_t left, std::int64_t count) const {
    if (best == nullptr) {
      kernels.add(in, count, (*to)(k, row) + left);
      return;
    }
    const std::int64_t at = row * columns + left;
    kernels.keep_best(in, count, static_cast<std::int32_t>(k), best + at, label + at);
  }
};

// What is computed in one go; the same for all pictures and threads but for the tile's sides.
struct Plan {
  const LsegView& view;
  const MapTaps& rows;
  const MapTaps& columns;
  std::int64_t tile_height, tile_width;
  std::int64_t map_height = 0, map_width = 0;  // of the map's part under a tile, at most

  Plan(const LsegView& of, const MapTaps& down, const MapTaps& across)
      : view(of), rows(down), columns(across) {
    const bool blocked = view.block.kind != LsegBlock::Kind::kNone;
    const std::int64_t threads = omp_get_max_threads();
    tile_height = std::clamp(divide_up(rows.count(), threads), std::int64_t{16},
                             blocked ? kBlockedHeight : kTileHeight);
    const std::int64_t most = blocked ? kBlockedWidth : kTileWidth;
    tile_width = divide_up(columns.count(), divide_up(columns.count(), most));
    for (std::int64_t i = 0; i < tiles(); ++i) {
      const PixelRegion region = map_region(tile(i));
      map_height = std::max(map_height, region.height());
      map_width = std::max(map_width, region.width());
    }
  }

  std::int64_t tiles_across() const { return divide_up(columns.count(), tile_width); }
  std::int64_t tiles() const { return tiles_across() * divide_up(rows.count(), tile_height); }
  PixelRegion tile(std::int64_t i) const {
    const std::int64_t top = i / tiles_across() * tile_height;
    const std::int64_t left = i % tiles_across() * tile_width;
    return {.top = top,
            .bottom = std::min(top + tile_height, rows.count()),
            .left = left,
            .right = std::min(left + tile_width, columns.count())};
  }
  PixelRegion map_region(const PixelRegion& tile) const {
    const auto range = [](const MapTaps& taps, std::int64_t begin, std::int64_t end,
                          std::int64_t side) {
      const auto [low, high] =
          std::minmax(taps.first[static_cast<std::size_t>(begin)],
                      taps.first[static_cast<std::size_t>(end - 1)]);  // taps are monotonic
      return std::pair<std::int64_t, std::int64_t>(low, std::min<std::int64_t>(high + 3, side));
    };
    const auto [top, bottom] = range(rows, tile.top, tile.bottom, view.map.height);
    const auto [left, right] = range(columns, tile.left, tile.right, view.map.width);
    return {.top = top, .bottom = bottom, .left = left, .right = right};
  }
};

// One thread's memory and work.
class Painter {
 public:
  explicit Painter(const Plan& plan) : plan_(plan), kernels_(*label_row_kernels().back()) {
    const std::int64_t labels = std::min(kLabels, plan.view.words.labels());
    stretched_.resize(static_cast<std::size_t>(3 * labels * plan.tile_width));
    taps_.resize(static_cast<std::size_t>(plan.tile_width));
    if (plan.view.block.kind != LsegBlock::Kind::kNone) {
      blocked_.emplace(plan.view.words, plan.view.block);
      blocked_->reserve(plan.map_height, plan.map_width);
      return;
    }
    scratch_ = aligned_floats(plan.view.words.scratch());
    stride_ = plan.map_width + 2;
    logits_.resize(static_cast<std::size_t>(labels * stride_));
  }

  void paint(const PixelRegion& tile, const Sink& sink) {
    tile_ = tile;
    region_ = plan_.map_region(tile);
    for (std::int64_t x = tile.left; x < tile.right; ++x) {
      taps_[static_cast<std::size_t>(x - tile.left)] =
          plan_.columns.first[static_cast<std::size_t>(x)] -
          static_cast<std::int32_t>(region_.left);
    }
    if (blocked_) blocked_->compute(plan_.view.map, region_);
    const std::int64_t labels = plan_.view.words.labels();
    for (std::int64_t k = 0; k < labels; k += kLabels) {
      paint_labels({k, std::min(k + kLabels, labels)}, sink);
    }
  }

 private:
  void paint_labels(LabelRange labels, const Sink& sink) {
    std::ranges::fill(held_, -1);
    const std::int64_t width = tile_.width(), plane = plan_.tile_width;
    for (std::int64_t r = tile_.top; r < tile_.bottom; ++r) {
      const auto at = static_cast<std::size_t>(r);
      ThreeRows in;
      std::array<std::int64_t, 3> slots{};
      for (std::size_t t = 0; t < 3; ++t) {
        in.weights[t] = plan_.rows.weights[t][at];
        const std::int64_t y = plan_.rows.first[at] + static_cast<std::int64_t>(t);
        // A row that counts nothing need not be there.
        slots[t] = t == 0 || in.weights[t] != 0 ? slot_of(y, labels) : slots[0];
      }
      for (std::int64_t k = labels.first; k < labels.last; ++k) {
        for (std::size_t t = 0; t < 3; ++t) {
          in.rows[t] = stretched_.data() + ((k - labels.first) * 3 + slots[t]) * plane;
        }
        sink.take(kernels_, in, k, r, tile_.left, width);
      }
    }
  }

  // Row y of the map, stretched to the tile's width.
  std::int64_t slot_of(std::int64_t y, LabelRange labels) {
    const std::int64_t slot = y % 3;
    if (held_[static_cast<std::size_t>(slot)] == y) return slot;
    held_[static_cast<std::size_t>(slot)] = y;
    if (!blocked_) {
      plan_.view.words.logits(plan_.view.map, y, region_.left, region_.right, labels,
                              scratch_.get(), logits_.data(), stride_);
    }
    const auto left = static_cast<std::size_t>(tile_.left);
    const ThreeTaps taps{
        .first = taps_.data(),
        .weights = {plan_.columns.weights[0].data() + left, plan_.columns.weights[1].data() + left,
                    plan_.columns.weights[2].data() + left}};
    for (std::int64_t k = labels.first; k < labels.last; ++k) {
      const std::int64_t i = k - labels.first;
      const float* const in = blocked_ ? blocked_->row(k, y) : logits_.data() + i * stride_;
      kernels_.stretch(in, taps, tile_.width(),
                       stretched_.data() + (i * 3 + slot) * plan_.tile_width);
    }
    return slot;
  }

  const Plan& plan_;
  const LabelRowKernels& kernels_;
  PixelRegion tile_, region_;
  std::vector<std::int32_t> taps_;  // of the tile's columns, from the region's left on
  std::optional<BlockedLogits> blocked_;
  AlignedFloats scratch_;
  std::vector<float> logits_;  // [labels, stride_] of a row of the map; two zeros behind each
  std::int64_t stride_ = 0;
  std::vector<float> stretched_;        // [labels, 3, tile width]
  std::array<std::int64_t, 3> held_{};  // which row of the map each of the three is
};

void paint_all(const LsegView& view, const MapTaps& rows, const MapTaps& columns,
               const std::stop_token& stop, const Sink& sink) {
  const Plan plan(view, rows, columns);
  const std::int64_t tiles = plan.tiles();
  const auto threads = static_cast<int>(std::min<std::int64_t>(tiles, omp_get_max_threads()));
  std::vector<Painter> painters;  // made here, since nothing may throw below
  painters.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) painters.emplace_back(plan);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t i = 0; i < tiles; ++i) {
    if (stop.stop_requested()) continue;
    painters[static_cast<std::size_t>(omp_get_thread_num())].paint(plan.tile(i), sink);
  }
  check_stop(stop);
}

// Two blends in a row along one side: what the outer tap weighs of the inner ones.
struct Composed {
  std::int64_t first = 0;
  std::array<float, 3> weights{};
};

Composed composed(const std::vector<LinearTap>& inner, const LinearTap& outer) {
  Composed both{.first = inner[static_cast<std::size_t>(outer.low)].low};
  const auto add = [&](std::int64_t sample, float weight) {
    const LinearTap& tap = inner[static_cast<std::size_t>(sample)];
    if (weight == 0) return;
    both.weights[static_cast<std::size_t>(tap.low - both.first)] += weight * tap.weight_low;
    if (tap.weight_high == 0) return;
    both.weights[static_cast<std::size_t>(tap.high - both.first)] += weight * tap.weight_high;
  };
  add(outer.low, outer.weight_low);
  add(outer.high, outer.weight_high);
  return both;
}

MapTaps taps_of(const std::vector<LinearTap>& inner, const std::vector<LinearTap>& outer) {
  MapTaps taps;
  for (const LinearTap& tap : outer) {
    const Composed both = composed(inner, tap);
    taps.first.push_back(static_cast<std::int32_t>(both.first));
    for (std::size_t t = 0; t < 3; ++t) taps.weights[t].push_back(both.weights[t]);
  }
  return taps;
}

std::vector<LinearTap> doubling(std::int64_t side) {
  return linear_taps({side, 2 * side, true, false}, 0, 2 * side);
}

}  // namespace

MapTaps resized_taps(std::int64_t side, std::int64_t samples) {
  return taps_of(doubling(side), linear_taps({2 * side, samples, true, false}, 0, samples));
}

MapTaps doubled_taps(std::int64_t side, std::int64_t samples, bool mirrored) {
  auto kept = linear_taps({2 * side, 2 * side, true, false}, 0, 2 * side);
  if (mirrored) std::ranges::reverse(kept);
  kept.resize(static_cast<std::size_t>(samples));
  return taps_of(doubling(side), kept);
}

void draw_labels(const LsegView& view, const MapTaps& rows, const MapTaps& columns,
                 const std::stop_token& stop, std::span<std::int32_t> label) {
  std::vector<float> best(label.size(), kLowest);
  paint_all(view, rows, columns, stop,
            {.best = best.data(), .label = label.data(), .columns = columns.count()});
  if (std::ranges::find(best, kLowest) != best.end()) {
    fail(ErrorCode::kInvalidArgument, "expected finite logits, got NaN or infinity");
  }
}

void add_logits(const LsegView& view, const MapTaps& rows, const MapTaps& columns,
                const std::stop_token& stop, const LogitRow& to) {
  paint_all(view, rows, columns, stop, {.to = &to});
}

void keep_largest(std::span<const float> sums, std::span<std::int32_t> label) {
  const LabelRowKernels& kernels = *label_row_kernels().back();
  const std::size_t pixels = label.size(), labels = sums.size() / pixels;
  std::vector<float> best(pixels, kLowest);
  for (std::size_t k = 0; k < labels; ++k) {
    const float* const row = sums.data() + k * pixels;
    kernels.keep_best({.rows = {row, row, row}, .weights = {1, 0, 0}},
                      static_cast<std::int64_t>(pixels), static_cast<std::int32_t>(k), best.data(),
                      label.data());
  }
  if (std::ranges::find(best, kLowest) != best.end()) {
    fail(ErrorCode::kInvalidArgument, "expected finite logits, got NaN or infinity");
  }
}

}  // namespace glint
