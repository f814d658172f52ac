#include "core/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>

#include <fcntl.h>
#include <unistd.h>

#include "core/check.h"
#include "core/large_buffer.h"

namespace glint {
namespace {

constexpr std::size_t kLargeFileBytes = 64 << 20;  // in an allocation of its own
constexpr std::size_t kReadBytes = 1 << 19;        // at once
constexpr int kAttempts = 100;                     // at a name that nobody has

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string why() { return std::strerror(errno); }

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::int64_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    fail(ErrorCode::kNotFound, "no such file: ", quote(path));
  }
  if (error) fail(ErrorCode::kIo, "cannot read ", quote(path), ": ", error.message());
  if (!std::filesystem::is_regular_file(status)) {
    fail(ErrorCode::kIo, "expected a regular file, got something else: ", quote(path));
  }
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) fail(ErrorCode::kIo, "cannot read ", quote(path), ": ", why());
  const auto size = std::filesystem::file_size(path, error);
  if (error) fail(ErrorCode::kIo, "cannot read ", quote(path), ": ", error.message());
  if (size > static_cast<std::uintmax_t>(max_bytes)) {
    fail(ErrorCode::kInvalidArgument, "expected at most ", max_bytes, " bytes, got ", size, " in ",
         quote(path));
  }
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<std::size_t>(size));
  if (size >= kLargeFileBytes) prefer_large_pages({bytes.data(), bytes.capacity()});
  while (bytes.size() < size) {  // what resize() writes is in the cache still when it is read over
    const std::size_t before = bytes.size();
    const std::size_t part = std::min<std::uintmax_t>(size - before, kReadBytes);
    bytes.resize(before + part);
    if (std::fread(bytes.data() + before, 1, part, file.get()) != part) {
      fail(ErrorCode::kIo, "cannot read all ", size, " bytes of ", quote(path));
    }
  }
  return bytes;
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write_at(0, bytes);
  file.commit();
}

// With the rights that a new file gets here, unlike mkstemp's.
AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  std::random_device random;
  for (int attempt = 0; attempt < kAttempts && descriptor_ < 0; ++attempt) {
    temporary_ = cat(path_, ".", std::hex, random(), random());
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail_to_write();
}

AtomicFile::~AtomicFile() {
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_to_write();
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail_to_write();
  }
  temporary_.clear();
}

void AtomicFile::fail_to_write() const {
  fail(ErrorCode::kIo, "cannot write ", quote(path_), ": ", why());
}

}  // namespace glint
