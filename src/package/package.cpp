#include <glint/package.h>

#include <new>
#include <utility>

#include "core/check.h"
#include "package/opened_package.h"

namespace glint {

struct Package::Impl {
  OpenedPackage opened;
  std::string path;
};

Package::Package(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

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

Package Package::open(const std::string& path, const OpenOptions& options) {
  return naming(path, [&] {
    OpenedPackage opened = open_files(read_package_folder(path, options.stop), options);
    return Package(std::make_shared<const Impl>(Impl{std::move(opened), path}));
  });
}

Package Package::from_memory(PackageFiles files, const std::string& name,
                             const OpenOptions& options) {
  return naming(name, [&] {
    OpenedPackage opened = open_files(std::move(files), options);
    return Package(std::make_shared<const Impl>(Impl{std::move(opened), name}));
  });
}

const Manifest& Package::manifest() const { return impl_->opened.manifest; }

const std::string& Package::digest() const { return impl_->opened.digest; }

const std::string& Package::path() const { return impl_->path; }

std::span<const std::byte> Package::file(std::string_view name) const {
  const PackageFiles& files = impl_->opened.files;
  const auto found = files.find(name);
  if (found == files.end()) {
    fail(ErrorCode::kNotFound, "package ", quote(impl_->path), " lists no file ", quote(name));
  }
  return found->second;
}

}  // namespace glint
