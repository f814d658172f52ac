#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace glint {
namespace {

[[noreturn]] void fail_to_read(const std::string& path) {
  if (errno == ENOENT) fail(ErrorCode::kNotFound, "no such file: ", quote(path));
  fail(ErrorCode::kIo, "cannot read ", quote(path), ": ", std::strerror(errno));
}

// A file descriptor; a mapping outlives it.
class Descriptor {
 public:
  // O_NONBLOCK: a named pipe is refused below instead of waited for.
  explicit Descriptor(const std::string& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (value_ < 0) fail_to_read(path);
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

// Those that wait for the lease's end are told of with a signal that processes ignore by default.
bool take_lease(int descriptor) {
#if defined(F_SETLEASE) && defined(F_SETSIG)
  return ::fcntl(descriptor, F_SETSIG, SIGURG) == 0 &&
         ::fcntl(descriptor, F_SETLEASE, F_RDLCK) == 0;
#else
  return descriptor < 0;
#endif
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(path);
  map(file.value(), path);
}

std::unique_ptr<const MappedFile> MappedFile::leased(const std::string& path) {
  Descriptor file(path);
  if (!take_lease(file.value())) return nullptr;
  std::unique_ptr<MappedFile> mapped(new MappedFile());
  mapped->map(file.value(), path);
  mapped->leased_ = file.release();
  return mapped;
}

void MappedFile::map(int descriptor, const std::string& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) fail_to_read(path);
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::kIo, "expected a regular file, got something else: ", quote(path));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;  // nothing that could be mapped
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) fail_to_read(path);
  bytes_ = std::span(static_cast<const std::byte*>(address), size);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (leased_ >= 0) ::close(leased_);
}

void MappedFile::expect_scattered_reads(std::size_t at, std::size_t count) const noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = (at + page - 1) / page * page;
  const std::size_t end = (at + count) / page * page;
  if (first >= end) return;
  ::madvise(const_cast<std::byte*>(bytes_.data()) + first, end - first, MADV_RANDOM);
}

}  // namespace glint
