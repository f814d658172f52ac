// From groups of patches to a label a pixel.
//
// A window gives each of its pixels a group, and a group gives labels values, few of them above
// zero. So what is averaged over windows and resized to the picture is never the values of all
// labels at all pixels: a pixel of the frame has a mix, the groups that the windows over it give
// it, of which there are some hundreds at most, and only where four mixes of different best labels
// meet are values added up. Frame and windows are walked through row by row; no map of either is
// held.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "heads/groupvit_classes.h"
#include "image/resize_torch.h"

namespace glint {

// What the towers said of the windows of a picture.
struct GroupVitView {
  GroupVitWindows windows;
  std::int64_t groups = 0;
  PlaneSize grid;               // patches of a window
  std::span<const float> maps;  // [windows, groups, grid]: how much each group claims of a patch
};

// Values of labels that are added up one after another; touches only those that get some.
class ClassSums {
 public:
  explicit ClassSums(std::int64_t labels);
  void add(const GroupClasses& classes, float weight);
  // The label of the largest sum, the first of equal ones.
  std::int32_t best() const;
  // Labels that got a value since the last clear(), each once.
  std::span<const std::int32_t> touched() const { return touched_; }
  float of(std::int32_t label) const { return sums_[static_cast<std::size_t>(label)]; }
  void clear();

 private:
  std::vector<float> sums_;
  std::vector<bool> seen_;
  std::vector<std::int32_t> touched_;
};

// The mixes that occur in a picture. One is the mix without its last window, and a row of the table
// `classes` (window * groups + group); a pixel's values are the mean of its rows.
class GroupMixes {
 public:
  // `classes` outlives this.
  GroupMixes(std::span<const GroupClasses> classes, std::int64_t labels);
  static constexpr std::int32_t kNothing = -1;
  // The mix of `mix` and one more row.
  std::int32_t with(std::int32_t mix, std::int32_t row);
  std::int32_t best(std::int32_t mix) const { return mixes_[static_cast<std::size_t>(mix)].best; }
  void add(std::int32_t mix, float weight, ClassSums& sums) const;

 private:
  struct Mix {
    std::int32_t before;
    std::int32_t row;
    std::int32_t count;
    std::int32_t best;
  };
  std::span<const GroupClasses> classes_;
  ClassSums sums_;
  std::vector<Mix> mixes_;
  std::unordered_map<std::uint64_t, std::int32_t> known_;  // (before, row) -> mix
};

// The mixes of a frame's pixels.
class GroupFrame {
 public:
  // `view` and `mixes` outlive this.
  GroupFrame(const GroupVitView& view, GroupMixes& mixes);
  // Of row y, [frame width]. Valid until another row of the same parity is asked for.
  std::span<const std::int32_t> row(std::int64_t y);

 private:
  // The group of each pixel of row y of a window: the maps resized to it (bilinear, align_corners
  // false), the largest, the first of equal ones.
  void groups_of(std::size_t window, std::int64_t y);
  void fill(std::int64_t y, std::span<std::int32_t> mixes);

  const GroupVitView& view_;
  GroupMixes& mixes_;
  std::vector<LinearTap> rows_;     // of a window
  std::vector<LinearTap> columns_;  // likewise
  std::vector<std::int32_t> group_;
  std::vector<float> largest_;
  std::vector<float> claims_;
  struct Row {
    std::int64_t y = -1;
    std::vector<std::int32_t> mixes;
  };
  Row rows_of_frame_[2];
};

// Sets answer.map (answer.width x height) by the values of each pixel of the frame, resized to the
// picture (bilinear, align_corners false): the largest, the first of equal ones. With `scores`,
// answer.scores gets all values. `classes`: [windows * groups].
// Throws Error(kCancelled).
void draw_labels(const GroupVitView& view, std::span<const GroupClasses> classes,
                 const std::stop_token& stop, bool scores, Segmentation& answer);

}  // namespace glint
