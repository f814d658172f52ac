#include "cli/segment_files.h"

#include <filesystem>
#include <map>

#include "core/check.h"

namespace glint::cli {
namespace {

std::string stem_of(const std::string& image) {
  return image == "-" ? "stdin" : std::filesystem::path(image).stem().string();
}

}  // namespace

std::vector<std::string> png_paths(const std::string& path,
                                   const std::vector<std::string>& images) {
  if (path.empty()) return {};
  if (images.size() == 1) return {path};
  std::vector<std::string> paths;
  std::map<std::string, std::string> taken;
  for (const std::string& image : images) {
    const std::string name = stem_of(image) + ".png";
    const auto [other, fresh] = taken.emplace(name, image);
    if (!fresh) {
      fail(ErrorCode::kInvalidArgument, "expected images of different names, since each becomes a ",
           "file in ", quote(path), ", got ", quote(other->second), " and ", quote(image));
    }
    paths.push_back((std::filesystem::path(path) / name).string());
  }
  std::error_code problem;
  std::filesystem::create_directories(path, problem);
  if (problem || !std::filesystem::is_directory(path, problem)) {
    fail(ErrorCode::kIo, "expected a folder for the files of ", images.size(), " images, got ",
         quote(path));
  }
  return paths;
}

}  // namespace glint::cli
