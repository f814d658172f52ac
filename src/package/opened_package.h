// A package's files -> verified bytes and manifest.
#pragma once

#include <glint/package.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace glint {

using PackageFiles = std::map<std::string, std::vector<std::byte>, std::less<>>;  // path -> bytes

struct OpenedPackage {
  PackageFiles files;  // of the manifest's list only
  Manifest manifest;
  std::string digest;  // SHA-256 of the manifest's bytes
};

// Checks everything that Package::open promises. `files`: all files of the package, the manifest
// and its digest among them. Throws Error: kNotFound (no manifest), kCorruptPackage, kUnsupported.
OpenedPackage open_files(PackageFiles files);

// The files below a folder, each read once. Throws Error: kNotFound (no folder, or no manifest in
// it), kIo, kCorruptPackage (a link, something that is no regular file, or too much of anything).
PackageFiles read_package_folder(const std::string& path);

}  // namespace glint
