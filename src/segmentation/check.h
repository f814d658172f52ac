// Checks on segmentations from outside.
#pragma once

#include <glint/prediction.h>

namespace glint {

// Throws Error(kInvalidArgument) unless the map is of its size and its indices of its labels.
void check_segmentation(const Segmentation& segmentation);

}  // namespace glint
