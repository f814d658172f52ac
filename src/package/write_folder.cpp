#include "package/write_folder.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/check.h"
#include "core/file.h"
#include "package/paths.h"

namespace glint {
namespace {

namespace fs = std::filesystem;

fs::path target_of(const std::string& path) {
  fs::path target(path);
  return target.has_filename() ? target : target.parent_path();  // "a.glint/" is a.glint
}

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

// A package refuses files that it does not list, so nothing may be put into one.
void check_outside_of_packages(const fs::path& folder) {
  std::error_code error;
  for (fs::path at = fs::canonical(folder, error); !at.empty(); at = at.parent_path()) {
    if (fs::is_regular_file(at / kManifestName, error)) {
      fail(ErrorCode::kInvalidArgument, "expected an output outside of other packages, got one in ",
           quote(at.string()));
    }
    if (at == at.root_path()) return;
  }
}

// A new folder beside the target; it goes with this object.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& target) {
    std::string name = folder_of(target) / cat(".", target.filename().string(), ".XXXXXX");
    if (::mkdtemp(name.data()) == nullptr) {
      fail(ErrorCode::kIo, "cannot write into the folder ", quote(folder_of(target).string()), ": ",
           std::strerror(errno));
    }
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    fail(ErrorCode::kIo, "cannot rename ", quote(from.string()), " to ", quote(to.string()), ": ",
         error.message());
  }
}

// Puts `fresh` where `target` is. What was there goes to `fresh` or `old`: on Linux in one step, so
// that a process which is killed leaves one of the two at `target`.
void replace_folder(const fs::path& fresh, const fs::path& target, const fs::path& old) {
#ifdef RENAME_EXCHANGE
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
#endif  // not every file system can
  move(target, old);
  try {
    move(fresh, target);
  } catch (const Error&) {
    std::error_code ignored;
    fs::rename(old, target, ignored);
    throw;
  }
}

void write_all(const PackageFiles& files, const fs::path& folder) {
  for (const auto& [name, bytes] : files) {
    const fs::path file = folder / name;
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) {
      fail(ErrorCode::kIo, "cannot make the folder ", quote(file.parent_path().string()), ": ",
           error.message());
    }
    write_file_atomically(file.string(), bytes);
  }
}

}  // namespace

void check_package_target(const std::string& path, bool replace) {
  const fs::path target = target_of(path);
  if (target.extension() != ".glint" || target.stem().empty()) {
    fail(ErrorCode::kInvalidArgument, "expected an output folder that ends in .glint, got ",
         quote(path));
  }
  std::error_code error;
  if (!fs::is_directory(folder_of(target), error)) {
    fail(ErrorCode::kNotFound, "expected an existing folder ", quote(folder_of(target).string()),
         " for the output, got none");
  }
  check_outside_of_packages(folder_of(target));
  const fs::file_status status = fs::symlink_status(target, error);
  if (!fs::exists(status)) return;
  if (!replace) {
    fail(ErrorCode::kInvalidArgument, "expected nothing at ", quote(path), " yet, got ",
         fs::is_directory(status) ? "a folder" : "a file");
  }
  if (!fs::is_directory(status) || !fs::is_regular_file(target / kManifestName, error)) {
    fail(ErrorCode::kInvalidArgument, "expected a package to replace at ", quote(path),
         ", got something else");
  }
}

void write_package_folder(const PackageFiles& files, const std::string& path, bool replace) {
  check_package_target(path, replace);
  const fs::path target = target_of(path);
  const ScratchFolder scratch(target);
  const fs::path fresh = scratch.path() / "new", old = scratch.path() / "old";
  write_all(files, fresh);
  check_package_target(path, replace);  // another process may have been faster
  std::error_code error;
  if (replace && fs::exists(target, error)) {
    replace_folder(fresh, target, old);
  } else {
    move(fresh, target);
  }
}

}  // namespace glint
