// Where glint segment puts the pictures it draws.
#pragma once

#include <string>
#include <vector>

namespace glint::cli {

// One path a picture: `path` itself for one picture, and for several NAME.png in the folder `path`
// for DIR/NAME.jpg ("stdin.png" for "-"), which is made unless it is there. None when `path` is
// empty. Throws Error: kInvalidArgument (two pictures of one name), kIo (no folder can be there).
std::vector<std::string> png_paths(const std::string& path, const std::vector<std::string>& images);

}  // namespace glint::cli
