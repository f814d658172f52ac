#include "heads/groupvit_map.h"

#include <glint/progress.h>

#include <algorithm>

namespace glint {

ClassSums::ClassSums(std::int64_t labels)
    : sums_(static_cast<std::size_t>(labels)), seen_(static_cast<std::size_t>(labels)) {}

void ClassSums::add(const GroupClasses& classes, float weight) {
  for (const auto& [label, value] : classes) {
    const auto k = static_cast<std::size_t>(label);
    if (!seen_[k]) touched_.push_back(label);
    seen_[k] = true;
    sums_[k] += weight * value;
  }
}

std::int32_t ClassSums::best() const {
  std::int32_t best = 0;
  for (const std::int32_t label : touched_) {
    if (of(label) > of(best) || (of(label) == of(best) && label < best)) best = label;
  }
  return best;
}

void ClassSums::clear() {
  for (const std::int32_t label : touched_) {
    sums_[static_cast<std::size_t>(label)] = 0;
    seen_[static_cast<std::size_t>(label)] = false;
  }
  touched_.clear();
}

GroupMixes::GroupMixes(std::span<const GroupClasses> classes, std::int64_t labels)
    : classes_(classes), sums_(labels) {}

std::int32_t GroupMixes::with(std::int32_t mix, std::int32_t row) {
  const auto key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(mix)) << 32 |
                   static_cast<std::uint32_t>(row);
  const auto next = static_cast<std::int32_t>(mixes_.size());
  const auto [found, fresh] = known_.try_emplace(key, next);
  if (!fresh) return found->second;
  const std::int32_t count = mix == kNothing ? 1 : mixes_[static_cast<std::size_t>(mix)].count + 1;
  mixes_.push_back({mix, row, count, 0});
  add(next, 1, sums_);
  mixes_.back().best = sums_.best();
  sums_.clear();
  return next;
}

void GroupMixes::add(std::int32_t mix, float weight, ClassSums& sums) const {
  const float share = weight / static_cast<float>(mixes_[static_cast<std::size_t>(mix)].count);
  for (std::int32_t at = mix; at != kNothing; at = mixes_[static_cast<std::size_t>(at)].before) {
    sums.add(classes_[static_cast<std::size_t>(mixes_[static_cast<std::size_t>(at)].row)], share);
  }
}

GroupFrame::GroupFrame(const GroupVitView& view, GroupMixes& mixes) : view_(view), mixes_(mixes) {
  const PlaneSize size = view.windows.size;
  const bool fused = blend_form(size.height, size.width, 0, view.groups) != BlendForm::kSeparable;
  rows_ = linear_taps({view.grid.height, size.height, false, fused}, 0, size.height);
  columns_ = linear_taps({view.grid.width, size.width, false, fused}, 0, size.width);
  group_.resize(columns_.size());
  largest_.resize(columns_.size());
  claims_.resize(columns_.size());
}

std::span<const std::int32_t> GroupFrame::row(std::int64_t y) {
  Row& row = rows_of_frame_[y % 2];
  if (row.y != y) {
    row.mixes.assign(static_cast<std::size_t>(view_.windows.frame.width), GroupMixes::kNothing);
    fill(y, row.mixes);
    row.y = y;
  }
  return row.mixes;
}

void GroupFrame::groups_of(std::size_t window, std::int64_t y) {
  const auto [height, width] = view_.windows.size;
  const LinearTap& row = rows_[static_cast<std::size_t>(y)];
  const std::int64_t plane = view_.grid.height * view_.grid.width;
  for (std::int64_t g = 0; g < view_.groups; ++g) {
    const float* from =
        view_.maps.data() + (static_cast<std::int64_t>(window) * view_.groups + g) * plane;
    std::vector<float>& to = g == 0 ? largest_ : claims_;
    blend_rows(blend_form(height, width, g, view_.groups), from + row.low * view_.grid.width,
               from + row.high * view_.grid.width, row, columns_, to.data());
    if (g == 0) {
      std::ranges::fill(group_, 0);
      continue;
    }
    for (std::size_t x = 0; x < group_.size(); ++x) {
      const bool more = claims_[x] > largest_[x];
      group_[x] = more ? static_cast<std::int32_t>(g) : group_[x];
      largest_[x] = more ? claims_[x] : largest_[x];
    }
  }
}

void GroupFrame::fill(std::int64_t y, std::span<std::int32_t> mixes) {
  const auto& [frame, size, places] = view_.windows;
  for (std::size_t w = 0; w < places.size(); ++w) {
    if (y < places[w].top || y >= places[w].top + size.height) continue;
    groups_of(w, y - places[w].top);
    const auto first = static_cast<std::int32_t>(static_cast<std::int64_t>(w) * view_.groups);
    std::int32_t* const to = mixes.data() + places[w].left;
    for (std::size_t x = 0; x < group_.size();) {  // neighbours mostly share their mix
      const std::int32_t before = to[x], group = group_[x];
      const std::int32_t after = mixes_.with(before, first + group);
      while (x < group_.size() && to[x] == before && group_[x] == group) to[x++] = after;
    }
  }
}

namespace {

// Four mixes around a pixel of the picture, and how much each counts.
struct Corners {
  std::int32_t mixes[4];
  float weights[4];
};

Corners corners_of(std::span<const std::int32_t> low, std::span<const std::int32_t> high,
                   const LinearTap& row, const LinearTap& column) {
  const auto x0 = static_cast<std::size_t>(column.low), x1 = static_cast<std::size_t>(column.high);
  return {{low[x0], low[x1], high[x0], high[x1]},
          {row.weight_low * column.weight_low, row.weight_low * column.weight_high,
           row.weight_high * column.weight_low, row.weight_high * column.weight_high}};
}

void add_corners(const Corners& corners, const GroupMixes& mixes, ClassSums& sums) {
  sums.clear();
  for (std::size_t i = 0; i < 4; ++i) {
    if (corners.weights[i] > 0) mixes.add(corners.mixes[i], corners.weights[i], sums);
  }
}

// A mean of values that all have one best label has that one, too.
bool agree(const Corners& corners, const GroupMixes& mixes) {
  const std::int32_t best = mixes.best(corners.mixes[0]);
  return std::ranges::all_of(corners.mixes, [&](std::int32_t mix) {
    return mix == corners.mixes[0] || mixes.best(mix) == best;
  });
}

}  // namespace

void draw_labels(const GroupVitView& view, std::span<const GroupClasses> classes,
                 const std::stop_token& stop, bool scores, Segmentation& answer) {
  const std::int64_t labels = std::ssize(answer.labels);
  const auto pixels = static_cast<std::size_t>(answer.width * answer.height);
  answer.map.resize(pixels);
  if (scores) answer.scores.resize(pixels * static_cast<std::size_t>(labels));
  GroupMixes mixes(classes, labels);
  GroupFrame frame(view, mixes);
  ClassSums sums(labels);
  const PlaneSize size = view.windows.frame;
  const bool fused = blend_form(answer.height, answer.width, 0, labels) != BlendForm::kSeparable;
  const auto columns = linear_taps({size.width, answer.width, false, fused}, 0, answer.width);
  std::size_t pixel = 0;
  for (const LinearTap& row :
       linear_taps({size.height, answer.height, false, fused}, 0, answer.height)) {
    check_stop(stop);
    const auto low = frame.row(row.low);
    const auto high = frame.row(row.high);
    for (const LinearTap& column : columns) {
      const Corners corners = corners_of(low, high, row, column);
      if (!scores && agree(corners, mixes)) {
        answer.map[pixel++] = mixes.best(corners.mixes[0]);
        continue;
      }
      add_corners(corners, mixes, sums);
      if (scores) {
        for (const std::int32_t label : sums.touched()) {
          answer.scores[static_cast<std::size_t>(label) * pixels + pixel] = sums.of(label);
        }
      }
      answer.map[pixel++] = sums.best();
    }
  }
}

}  // namespace glint
