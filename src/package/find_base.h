// Which folder holds the base of a package.
#pragma once

#include <glint/package.h>

#include <string>

namespace glint {

// The folder of the base of the package at `path`: NAME.glint whose manifest has the stated digest,
// beside `path`, then in the folders of GLINT_PACKAGE_PATH. Only manifests are read.
// Throws Error(kNotFound), which says what was found where.
std::string find_base_folder(const BaseSpec& base, const std::string& path);

// The digest of the package in `folder`, of which only the manifest is read, or why there is none.
std::string digest_or_reason(const std::string& folder);

}  // namespace glint
