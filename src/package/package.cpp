#include <glint/package.h>

#include <exception>
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

Package Package::open(const std::string& path) {
  try {
    return Package(std::make_shared<const Impl>(Impl{open_files(read_package_folder(path)), path}));
  } catch (const Error& error) {
    fail(error.code(), "package ", quote(path), ": ", error.what());
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "package ", quote(path), ": not enough memory to hold it");
  } catch (const std::exception& error) {
    fail(ErrorCode::kInternal, "package ", quote(path), ": ", error.what());
  }
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
