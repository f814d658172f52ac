#include <glint/package.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include "core/check.h"
#include "core/file.h"
#include "package/find_base.h"
#include "package/opened_package.h"
#include "package/paths.h"
#include "package/sha256.h"

namespace glint {

namespace {

// Runs `open`; an Error names the package.
template <typename Open>
auto naming(const std::string& name, const Open& open) -> decltype(open()) {
  try {
    return open();
  } catch (const Error& error) {
    fail(error.code(), "package ", quote(name), ": ", error.what());
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "package ", quote(name), ": not enough memory to hold it");
  }
}

// Files of a folder that were read before and given back. Safe from many threads.
class ReadAgain {
 public:
  // Valid while this lives. Throws Error: kNotFound, kIo, kCorruptPackage (not what it was).
  std::span<const std::byte> file(const std::string& folder, const std::string& name,
                                  const std::string& digest) {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(name);
    if (found != files_.end()) return found->second;
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    std::vector<std::byte> bytes =
        read_file(path.string(), std::numeric_limits<std::int64_t>::max());
    const std::string got = sha256_hex(bytes);
    if (got != digest) {
      fail(ErrorCode::kCorruptPackage, name, ": changed since it was opened: expected SHA-256 ",
           digest, ", got ", got);
    }
    return files_.emplace(name, std::move(bytes)).first->second;
  }

 private:
  std::mutex mutex_;
  PackageFiles files_;
};

}  // namespace

struct Package::Impl {
  std::shared_ptr<const OpenedPackage> opened;  // without what follows
  std::string path;
  std::string folder;  // absolute, or empty in memory
  std::optional<Package> base;
  std::shared_ptr<const StoredFiles> towers;  // their files; none once they are given back
  std::unique_ptr<ReadAgain> again = std::make_unique<ReadAgain>();

  static Package make(StoredFiles files, const std::string& path, const std::string& folder,
                      const OpenOptions& options, const FindBase& find_base) {
    OpenedPackage opened = open_files(std::move(files), options, find_base);
    std::optional<Package> base = std::exchange(opened.base, {});
    StoredFiles towers;
    for (const auto& [name, tower] : opened.manifest.towers) {
      opened.files.move_to(towers, tower.file);
    }
    for (auto& [name, file] : std::exchange(opened.files.mapped, {})) {  // what is kept is read
      opened.files.read.emplace(name, std::vector(file->bytes().begin(), file->bytes().end()));
    }
    return Package(std::make_shared<const Impl>(
        Impl{std::make_shared<const OpenedPackage>(std::move(opened)), path, folder,
             std::move(base), std::make_shared<const StoredFiles>(std::move(towers))}));
  }

  static Package open_folder(const std::string& path, const OpenOptions& options,
                             const FindBase& find_base) {
    return naming(path, [&] {
      std::error_code unknown;  // then nothing is given back
      const std::string folder = std::filesystem::absolute(path, unknown).string();
      return make(read_package_folder(path, options), path, folder, options, find_base);
    });
  }

  static const Package* given(const BaseSpec& base, const OpenOptions& options) {
    const auto found = std::ranges::find(options.bases, base.digest, &Package::digest);
    return found == options.bases.end() ? nullptr : &*found;
  }
};

Package::Package(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Package Package::open(const std::string& path) { return open(path, OpenOptions{}); }

Package Package::open(const std::string& path, const OpenOptions& options) {
  return Impl::open_folder(path, options, [&](const BaseSpec& base) {
    if (const Package* const given = Impl::given(base, options)) return *given;
    return Impl::open_folder(find_base_folder(base, path), options, {});
  });
}

Package Package::from_memory(PackageFiles files, const std::string& name) {
  return from_memory(std::move(files), name, OpenOptions{});
}

Package Package::from_memory(PackageFiles files, const std::string& name,
                             const OpenOptions& options) {
  return naming(name, [&] {
    return Impl::make({.read = std::move(files)}, name, {}, options, [&](const BaseSpec& base) {
      if (const Package* const given = Impl::given(base, options)) return *given;
      fail(ErrorCode::kNotFound, "extends: expected a package ", quote(base.name), " with SHA-256 ",
           base.digest.substr(0, 12), " among OpenOptions::bases, got none");
    });
  });
}

const Manifest& Package::manifest() const { return impl_->opened->manifest; }

const std::string& Package::digest() const { return impl_->opened->digest; }

const std::string& Package::path() const { return impl_->path; }

std::optional<Package> Package::base() const { return impl_->base; }

std::span<const std::byte> Package::file(std::string_view name) const {
  if (name == kManifestName) return impl_->opened->manifest_bytes;
  const auto& extends = manifest().extends;
  if (extends && extends->files.contains(name)) return impl_->base->file(name);
  if (impl_->towers) {
    if (const auto found = impl_->towers->find(name)) return *found;
  }
  if (const auto found = impl_->opened->files.find(name)) return *found;
  const auto listed = manifest().files.find(name);
  if (listed == manifest().files.end()) {
    fail(ErrorCode::kNotFound, "package ", quote(impl_->path), " lists no file ", quote(name));
  }
  return naming(impl_->path,
                [&] { return impl_->again->file(impl_->folder, listed->first, listed->second); });
}

Package Package::without_towers() const {
  std::optional<Package> base;
  if (impl_->base) base = impl_->base->without_towers();
  const bool on_disk = !impl_->folder.empty();
  return Package(
      std::make_shared<const Impl>(Impl{impl_->opened, impl_->path, impl_->folder, std::move(base),
                                        on_disk ? nullptr : impl_->towers}));
}

}  // namespace glint
