#include <glint/segmentation.h>

#include <cmath>
#include <limits>

#include "core/check.h"

namespace glint {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void check_indices(std::span<const std::int32_t> map, std::size_t labels, std::string_view what) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] >= Segmentation::kNone && map[i] < static_cast<std::int64_t>(labels)) continue;
    fail(ErrorCode::kInvalidArgument, "expected indices below ", labels, " (the labels) or ",
         Segmentation::kNone, " in ", what, ", got ", map[i], " at pixel ", i);
  }
}

}  // namespace

SegmentationScores::SegmentationScores(std::int64_t labels) {
  if (labels < 1) fail(ErrorCode::kInvalidArgument, "expected at least one label, got ", labels);
  labels_.resize(static_cast<std::size_t>(labels));
}

void SegmentationScores::add(std::span<const std::int32_t> truth,
                             std::span<const std::int32_t> answer) {
  if (truth.size() != answer.size()) {
    fail(ErrorCode::kInvalidArgument, "expected a truth and an answer of one size, got ",
         truth.size(), " and ", answer.size(), " pixels");
  }
  check_indices(truth, labels_.size(), "the truth");
  check_indices(answer, labels_.size(), "the answer");
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == Segmentation::kNone) continue;
    ++pixels_;
    Counts& of_truth = labels_[static_cast<std::size_t>(truth[i])];
    ++of_truth.truth;
    if (answer[i] != Segmentation::kNone) ++labels_[static_cast<std::size_t>(answer[i])].answers;
    if (answer[i] == truth[i]) ++of_truth.both;
  }
}

std::int64_t SegmentationScores::pixels(std::int64_t label) const {
  return labels_.at(static_cast<std::size_t>(label)).truth;
}

double SegmentationScores::pixel_accuracy() const {
  std::int64_t right = 0;
  for (const Counts& counts : labels_) right += counts.both;
  return pixels_ == 0 ? kNone : static_cast<double>(right) / static_cast<double>(pixels_);
}

double SegmentationScores::iou(std::int64_t label) const {
  const Counts& counts = labels_.at(static_cast<std::size_t>(label));
  const std::int64_t either = counts.truth + counts.answers - counts.both;
  return either == 0 ? kNone : static_cast<double>(counts.both) / static_cast<double>(either);
}

double SegmentationScores::mean_iou() const {
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t label = 0; label < std::ssize(labels_); ++label) {
    const double one = iou(label);
    if (std::isnan(one)) continue;
    sum += one;
    ++count;
  }
  return count == 0 ? kNone : sum / static_cast<double>(count);
}

}  // namespace glint
