// Labelled pictures on disk.
#include <glint/adapt.h>

#include "core/check.h"
#include "core/folder.h"
#include "package/labels.h"

namespace glint::adapt {

LabelledFiles read_labelled(const std::string& folder) {
  return within_memory("listing labelled images", [&] {
    LabelledFiles found;
    std::string without;
    for (ClassFolder& of_class : class_folders(folder)) {
      if (of_class.files.empty()) without += (without.empty() ? "" : ", ") + quote(of_class.label);
      found.files.insert(found.files.end(), of_class.files.begin(), of_class.files.end());
      found.classes.resize(found.files.size(), static_cast<std::int64_t>(found.labels.size()));
      found.labels.push_back(std::move(of_class.label));
    }
    if (found.labels.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected a folder for each class in ", quote(folder),
           ", got none");
    }
    if (!without.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected images of every class in ", quote(folder),
           ", got none of ", without);
    }
    return found;
  });
}

LabelledFiles read_class(const std::string& label, const std::string& folder) {
  return within_memory("listing labelled images", [&] {
    if (is_blank(label)) fail(ErrorCode::kInvalidArgument, "expected a class, got an empty one");
    LabelledFiles found{.labels = {label}, .files = image_files(folder), .classes = {}};
    if (found.files.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected images in ", quote(folder), ", got none");
    }
    found.classes.assign(found.files.size(), 0);
    return found;
  });
}

}  // namespace glint::adapt
