// glint evaluate --segmentation: label maps against the truth.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/labels.h"
#include "cli/options.h"

namespace glint::cli {

struct MapsOptions {
  const CommonOptions& common;
  std::string folder;  // of images
  std::string maps;    // of their true label maps
  bool official = true;
  bool per_class = false;  // in JSON; the table always has them
  bool json = false;
};

// Prints pixel accuracy and mIoU over all images of the folder that can be used. An image without a
// map, or with one of another size or other labels, is reported and not counted.
// Returns the exit status. Throws Error.
int evaluate_maps(const MapsOptions& options, const Words& words, const Context& context);

}  // namespace glint::cli
