// A package's files -> verified bytes and manifest.
#pragma once

#include <glint/package.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/mapped_file.h"
#include "package/manifest.h"

namespace glint {

// Files by their path in the package.
using FileViews = std::map<std::string, std::span<const std::byte>, std::less<>>;

struct StoredFiles {
  PackageFiles read{};  // in memory
  std::map<std::string, std::shared_ptr<const MappedFile>, std::less<>> mapped{};

  FileViews views() const;
  std::optional<std::span<const std::byte>> find(std::string_view path) const;
  // Takes a file out, which may be absent.
  void move_to(StoredFiles& other, std::string_view path);
};

struct OpenedPackage {
  StoredFiles files;  // of the manifest's list, but for what the base lends
  Manifest manifest;
  std::vector<std::byte> manifest_bytes;
  std::string digest;           // SHA-256 of the manifest's bytes
  std::optional<Package> base;  // with manifest.extends
};

// Checks everything that Package::open promises. `files`: all files of the package, the manifest
// and its digest among them. Throws Error: kNotFound (no manifest), kCorruptPackage, kUnsupported,
// kCancelled, and what find_base throws. `find_base`: as for parse_manifest.
OpenedPackage open_files(StoredFiles files, const OpenOptions& options,
                         const FindBase& find_base = {});

// The files below a folder, each read once or, with options.in_place, mapped. Throws Error:
// kNotFound (no folder, or no manifest in it), kIo, kCorruptPackage (a link, something that is no
// regular file, or too much of anything), kCancelled.
StoredFiles read_package_folder(const std::string& path, const OpenOptions& options);

// How many threads the options ask for.
std::size_t threads_of(const OpenOptions& options);

}  // namespace glint
