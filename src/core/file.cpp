#include "core/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "core/check.h"

namespace glint {
namespace {

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
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
    fail(ErrorCode::kIo, "cannot read all ", bytes.size(), " bytes of ", quote(path));
  }
  return bytes;
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  std::string temporary = path + ".XXXXXX";
  const int descriptor = ::mkstemp(temporary.data());
  if (descriptor < 0) fail(ErrorCode::kIo, "cannot write ", quote(path), ": ", why());
  const File file(::fdopen(descriptor, "wb"));
  bool written = file != nullptr && ::fchmod(descriptor, 0644) == 0;
  written = written && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  written = written && std::fflush(file.get()) == 0 && ::fsync(descriptor) == 0;
  written = written && std::rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) {
    const std::string reason = why();
    if (file == nullptr) ::close(descriptor);
    ::unlink(temporary.c_str());
    fail(ErrorCode::kIo, "cannot write ", quote(path), ": ", reason);
  }
}

}  // namespace glint
