#include "package/search_path.h"

#include <cstdlib>
#include <sstream>

namespace glint {

std::vector<std::string> package_path_folders() {
  std::vector<std::string> folders;
  if (const char* const variable = std::getenv("GLINT_PACKAGE_PATH")) {
    std::istringstream list(variable);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) folders.push_back(folder);
    }
  }
  return folders;
}

}  // namespace glint
