#include <glint/package.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/check.h"
#include "package/find_base.h"
#include "package/opened_package.h"
#include "package/paths.h"

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

}  // namespace

struct Package::Impl {
  OpenedPackage opened;
  std::string path;

  static Package make(PackageFiles files, const std::string& path, const OpenOptions& options,
                      const FindBase& find_base) {
    OpenedPackage opened = open_files(std::move(files), options, find_base);
    return Package(std::make_shared<const Impl>(Impl{std::move(opened), path}));
  }

  static Package open_folder(const std::string& path, const OpenOptions& options,
                             const FindBase& find_base) {
    return naming(path, [&] {
      return make(read_package_folder(path, options.stop), path, options, find_base);
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
    return Impl::make(std::move(files), name, options, [&](const BaseSpec& base) {
      if (const Package* const given = Impl::given(base, options)) return *given;
      fail(ErrorCode::kNotFound, "extends: expected a package ", quote(base.name), " with SHA-256 ",
           base.digest.substr(0, 12), " among OpenOptions::bases, got none");
    });
  });
}

const Manifest& Package::manifest() const { return impl_->opened.manifest; }

const std::string& Package::digest() const { return impl_->opened.digest; }

const std::string& Package::path() const { return impl_->path; }

std::optional<Package> Package::base() const { return impl_->opened.base; }

std::span<const std::byte> Package::file(std::string_view name) const {
  if (name == kManifestName) return impl_->opened.manifest_bytes;
  const auto& extends = manifest().extends;
  if (extends && extends->files.contains(name)) return impl_->opened.base->file(name);
  const PackageFiles& files = impl_->opened.files;
  const auto found = files.find(name);
  if (found == files.end()) {
    fail(ErrorCode::kNotFound, "package ", quote(impl_->path), " lists no file ", quote(name));
  }
  return found->second;
}

}  // namespace glint
