// A package's files onto a disk.
#pragma once

#include <glint/package.h>

#include <string>

namespace glint {

// Throws Error when a package cannot be written to `path`: kInvalidArgument (a path that does not
// end in .glint or lies inside a package; something there: with `replace` only what is no package),
// kNotFound (no folder to write it into).
void check_package_target(const std::string& path, bool replace);

// Writes the files into a temporary folder beside `path` and renames it: `path` is what it was, or
// the new package. Throws as check_package_target, and kIo.
void write_package_folder(const PackageFiles& files, const std::string& path, bool replace);

}  // namespace glint
