// The version of the library. Before 1.0 a minor version may change the interface.
#pragma once

#include <glint/export.h>

#include <string>

#define GLINT_VERSION_MAJOR 0
#define GLINT_VERSION_MINOR 1
#define GLINT_VERSION_PATCH 0

namespace glint {

// "0.1.0": of the library that is loaded, which may differ from the headers compiled against.
GLINT_API std::string version();

}  // namespace glint
