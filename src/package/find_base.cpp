#include "package/find_base.h"

#include <filesystem>

#include "core/check.h"
#include "core/file.h"
#include "package/manifest.h"
#include "package/paths.h"
#include "package/search_path.h"
#include "package/sha256.h"

namespace glint {
namespace {

namespace fs = std::filesystem;

// The folder that holds the package's own, which may be given as ".", or with a slash at its end.
fs::path folder_beside(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(fs::path(path) / "", error);
  if (error) return "..";
  return absolute.lexically_normal().parent_path().parent_path();
}

}  // namespace

std::string digest_or_reason(const std::string& folder) {
  try {
    const std::string manifest = (fs::path(folder) / kManifestName).string();
    return sha256_hex(read_file(manifest, kMaxManifestBytes));
  } catch (const Error& error) {
    return error.code() == ErrorCode::kNotFound ? "none" : "unreadable";
  }
}

std::string find_base_folder(const BaseSpec& base, const std::string& path) {
  std::vector<std::string> folders = package_path_folders();
  folders.insert(folders.begin(), folder_beside(path).string());
  std::string looked;
  for (const std::string& folder : folders) {
    const fs::path candidate = fs::path(folder) / (base.name + ".glint");
    const std::string found = digest_or_reason(candidate.string());
    if (found == base.digest) return candidate.string();
    looked += cat(looked.empty() ? "" : ", ", quote(folder), " (",
                  is_sha256_hex(found) ? "SHA-256 " + found.substr(0, 12) : found, ")");
  }
  fail(ErrorCode::kNotFound, "extends: expected ", quote(base.name + ".glint"), " with SHA-256 ",
       base.digest.substr(0, 12), ", looked in ", looked);
}

}  // namespace glint
