// Which package a name means.
#pragma once

#include <string>

namespace glint::cli {

// `name` itself when it has a slash or exists; else the first NAME or NAME.glint in the folders of
// GLINT_PACKAGE_PATH (separated by colons), then in ../share/glint beside the program's own folder.
// Throws Error(kNotFound), which lists where it looked.
std::string find_package(const std::string& name);

// tiny-clip.glint in the same folders: what answers when no package was named.
std::string bundled_package();

}  // namespace glint::cli
