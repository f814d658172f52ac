// Where packages are looked for by name.
#pragma once

#include <string>
#include <vector>

namespace glint {

// The folders of GLINT_PACKAGE_PATH, which are separated by colons.
std::vector<std::string> package_path_folders();

}  // namespace glint
