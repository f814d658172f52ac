#include "cli/package_path.h"

#include <filesystem>
#include <vector>

#include "core/check.h"
#include "package/search_path.h"

namespace glint::cli {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<std::string> package_folders() {
  std::vector<std::string> folders = package_path_folders();
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back((program.parent_path().parent_path() / "share" / "glint").string());
  return folders;
}

// The first of `files` in the folders, or an Error that says where it looked.
std::string look_up(const std::vector<std::string>& files) {
  std::string looked;
  for (const std::string& folder : package_folders()) {
    for (const std::string& file : files) {
      if (is_there(fs::path(folder) / file)) return (fs::path(folder) / file).string();
    }
    looked += (looked.empty() ? "" : ", ") + quote(folder);
  }
  fail(ErrorCode::kNotFound, "no package ", quote(files.front()), " in ", looked);
}

}  // namespace

std::string find_package(const std::string& name) {
  if (name.find('/') != std::string::npos || is_there(name)) return name;
  return look_up({name, name + ".glint"});
}

std::string bundled_package() { return look_up({"tiny-clip.glint"}); }

}  // namespace glint::cli
