#include "heads/class_positions.h"

#include "core/check.h"

namespace glint {

ClassPositions::ClassPositions(std::span<const std::string> names, std::string_view owner)
    : owner_(owner) {
  for (std::size_t i = 0; i < names.size(); ++i) positions_.emplace(names[i], i);
}

std::size_t ClassPositions::of(const std::string& label) const {
  const auto found = positions_.find(label);
  if (found == positions_.end()) {
    fail(ErrorCode::kInvalidArgument, "expected labels among the ", size(), " classes ", owner_,
         ", got ", quote(label));
  }
  return found->second;
}

}  // namespace glint
