// The classes that a head has learned something for, in the order of its tensors.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace glint {

class ClassPositions {
 public:
  // `names`: distinct. `owner`: whose classes they are, for messages: "of the cache".
  ClassPositions(std::span<const std::string> names, std::string_view owner);

  std::size_t size() const { return positions_.size(); }
  // Throws Error(kInvalidArgument) for a label that is none of the names.
  std::size_t of(const std::string& label) const;

 private:
  std::unordered_map<std::string, std::size_t> positions_;
  std::string owner_;
};

}  // namespace glint
