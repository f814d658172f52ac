// A package's files -> verified bytes and manifest.
#pragma once

#include <glint/package.h>

#include <string>

namespace glint {

struct OpenedPackage {
  PackageFiles files;  // of the manifest's list only
  Manifest manifest;
  std::string digest;  // SHA-256 of the manifest's bytes
};

// Checks everything that Package::open promises. `files`: all files of the package, the manifest
// and its digest among them. Throws Error: kNotFound (no manifest), kCorruptPackage, kUnsupported,
// kCancelled.
OpenedPackage open_files(PackageFiles files, const OpenOptions& options);

// The files below a folder, each read once. Throws Error: kNotFound (no folder, or no manifest in
// it), kIo, kCorruptPackage (a link, something that is no regular file, or too much of anything),
// kCancelled.
PackageFiles read_package_folder(const std::string& path, const std::stop_token& stop);

}  // namespace glint
