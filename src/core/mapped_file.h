// A file as memory: read by the system page by page, when it is first touched.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace glint {

// Read only. The bytes stay valid while the object lives, also when the file is removed or replaced
// by renaming; a file that is cut meanwhile kills the process that reads beyond its end (SIGBUS).
class MappedFile {
 public:
  // Throws Error: kNotFound, kIo (not a regular file, not readable, cannot be mapped).
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  // A hint that few and scattered parts of bytes[at, at + count) will be read.
  void expect_scattered_reads(std::size_t at, std::size_t count) const noexcept;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace glint
