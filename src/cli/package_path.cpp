#include "cli/package_path.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

#include "core/check.h"

namespace glint::cli {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<fs::path> package_folders() {
  std::vector<fs::path> folders;
  if (const char* variable = std::getenv("GLINT_PACKAGE_PATH")) {
    std::istringstream list(variable);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) folders.emplace_back(folder);
    }
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back(program.parent_path().parent_path() / "share" / "glint");
  return folders;
}

// The first of `files` in the folders, or an Error that says where it looked.
std::string look_up(const std::vector<std::string>& files) {
  std::string looked;
  for (const fs::path& folder : package_folders()) {
    for (const std::string& file : files) {
      if (is_there(folder / file)) return (folder / file).string();
    }
    looked += (looked.empty() ? "" : ", ") + quote(folder.string());
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
