#include "core/folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <string_view>

#include "core/check.h"

namespace glint {
namespace {

namespace fs = std::filesystem;

bool has_image_name(const fs::path& path) {
  constexpr std::array<std::string_view, 5> kEndings{".jpg", ".jpeg", ".png", ".webp", ".bmp"};
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

template <typename Wanted>
std::vector<std::string> entries(const std::string& folder, const Wanted& wanted) {
  std::vector<std::string> paths;
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail(ErrorCode::kNotFound, "expected a folder, got ", quote(folder));
  }
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (wanted(*entry)) paths.push_back(entry->path().string());
  }
  if (error) {
    fail(ErrorCode::kIo, "cannot read the folder ", quote(folder), ": ", error.message());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::vector<std::string> image_files(const std::string& folder) {
  return entries(folder, [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return has_image_name(entry.path()) && !entry.is_directory(ignored);
  });
}

std::vector<std::string> subfolders(const std::string& folder) {
  return entries(folder, [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return !entry.path().filename().string().starts_with('.') && entry.is_directory(ignored);
  });
}

std::string spaced(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

std::vector<ClassFolder> class_folders(const std::string& folder) {
  std::vector<ClassFolder> found;
  std::map<std::string, std::string> names;  // of folders, by label
  for (const std::string& path : subfolders(folder)) {
    const std::string name = fs::path(path).filename().string();
    std::string label = spaced(name);
    const auto [first, fresh] = names.emplace(label, name);
    if (!fresh) {
      fail(ErrorCode::kInvalidArgument, "expected folders of distinct classes in ", quote(folder),
           ", got ", quote(first->second), " and ", quote(name), ", which both mean ",
           quote(label));
    }
    found.push_back({std::move(label), image_files(path)});
  }
  return found;
}

}  // namespace glint
