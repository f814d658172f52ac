// What of a picture each label has.
#include <glint/segmentation.h>

#include <new>

#include "core/check.h"
#include "image/view.h"
#include "segmentation/check.h"

namespace glint {

void check_segmentation(const Segmentation& segmentation) {
  const auto [width, height] = std::pair{segmentation.width, segmentation.height};
  const std::int64_t labels = std::ssize(segmentation.labels);
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide ||
      std::ssize(segmentation.map) != width * height) {
    fail(ErrorCode::kInvalidArgument, "expected a map of its width times its height, got ",
         segmentation.map.size(), " pixels for ", width, " x ", height);
  }
  for (const std::int32_t index : segmentation.map) {
    if (index >= Segmentation::kNone && index < labels) continue;
    fail(ErrorCode::kInvalidArgument, "expected indices of ", labels, " labels, got ", index);
  }
}

std::vector<double> label_fractions(const Segmentation& segmentation) try {
  check_segmentation(segmentation);
  std::vector<std::int64_t> counts(segmentation.labels.size());
  for (const std::int32_t index : segmentation.map) {
    if (index != Segmentation::kNone) ++counts[static_cast<std::size_t>(index)];
  }
  std::vector<double> fractions;
  for (const std::int64_t count : counts) {
    fractions.push_back(static_cast<double>(count) / static_cast<double>(segmentation.map.size()));
  }
  return fractions;
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory for ", segmentation.labels.size(),
       " fractions, got none");
}

std::vector<LabelRun> label_runs(const Segmentation& segmentation) try {
  check_segmentation(segmentation);
  std::vector<LabelRun> runs;
  for (const std::int32_t index : segmentation.map) {
    if (runs.empty() || runs.back().label != index) runs.push_back({.label = index});
    ++runs.back().length;
  }
  return runs;
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory for the runs of ", segmentation.width, " x ",
       segmentation.height, " pixels, got none");
}

}  // namespace glint
