// A package on disk.
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/file.h"
#include "core/in_threads.h"
#include "package/opened_package.h"
#include "package/paths.h"

namespace glint {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 1'000;  // files and folders
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{8} << 30;
constexpr std::uintmax_t kLeastMappedBytes = 1 << 20;  // smaller files are read as fast
constexpr std::uintmax_t kMaxPackageBytes = std::uintmax_t{16} << 30;

[[noreturn]] void fail_io(const std::string& path, const std::error_code& error) {
  fail(ErrorCode::kIo, quote(path), ": cannot be read: ", error.message());
}

// The regular files below `folder`, by their path inside it. Links are not followed.
std::map<std::string, std::uintmax_t, std::less<>> list_folder(const fs::path& folder) {
  std::map<std::string, std::uintmax_t, std::less<>> sizes;
  std::error_code error;
  std::uintmax_t total = 0;
  std::size_t entries = 0;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().lexically_relative(folder).generic_string();
    if (++entries > kMaxEntries) {
      fail(ErrorCode::kCorruptPackage, "expected at most ", kMaxEntries,
           " files and folders, got more");
    }
    const fs::file_status status = at->symlink_status(error);
    if (error) fail_io(name, error);
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status)) {
      fail(ErrorCode::kCorruptPackage, quote(name), ": expected a regular file, got ",
           fs::is_symlink(status) ? "a link" : "something else");
    }
    const std::uintmax_t size = at->file_size(error);
    if (error) fail_io(name, error);
    total += size;
    if (size > kMaxFileBytes || total > kMaxPackageBytes) {
      fail(ErrorCode::kCorruptPackage, quote(name), ": expected at most ", kMaxFileBytes,
           " bytes in a file and ", kMaxPackageBytes, " in a package, got more");
    }
    sizes.emplace(name, size);
  }
  if (error) fail_io(folder.string(), error);
  return sizes;
}

}  // namespace

std::size_t threads_of(const OpenOptions& options) {
  return static_cast<std::size_t>(
      std::max(1, options.threads > 0 ? options.threads : omp_get_max_threads()));
}

StoredFiles read_package_folder(const std::string& path, const OpenOptions& options) {
  const fs::path folder(path);
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) {
    fail(ErrorCode::kNotFound, "expected a folder, got no such file");
  }
  if (error) fail_io(path, error);
  if (!fs::is_directory(status)) {
    fail(ErrorCode::kNotFound, "expected a folder, got something else");
  }
  if (!fs::exists(folder / kManifestName, error)) {
    fail(ErrorCode::kNotFound, "expected a folder with ", kManifestName, ", got none");
  }
  const auto sizes = list_folder(folder);
  StoredFiles files;
  for (const auto& [name, size] : sizes) {
    if (!options.in_place || size < kLeastMappedBytes || !name.ends_with(".pt")) continue;
    if (auto mapped = MappedFile::leased((folder / name).string())) {
      files.mapped.emplace(name, std::move(mapped));
    }
  }
  std::vector<PackageFiles::iterator> places;
  for (const auto& [name, size] : sizes) {
    if (!files.mapped.contains(name)) places.push_back(files.read.try_emplace(name).first);
  }
  in_threads(places.size(), threads_of(options), [&](std::size_t i, std::size_t) {
    check_stop(options.stop);
    auto& [name, bytes] = *places[i];
    const auto size = static_cast<std::int64_t>(sizes.find(name)->second);
    bytes = read_file((folder / name).string(), size);
  });
  return files;
}

}  // namespace glint
