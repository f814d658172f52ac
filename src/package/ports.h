// What towers declare.
#pragma once

#include <glint/package.h>

#include <string_view>

namespace glint {

// Whether a declared method of the tower has an output of that name.
bool has_output(const TowerSpec& tower, std::string_view method, std::string_view output);

}  // namespace glint
