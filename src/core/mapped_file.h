// A file as memory: read by the system page by page, when it is first touched.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace glint {

// Read only. The bytes stay valid while the object lives, also when the file is removed or replaced
// by renaming; a file that is cut meanwhile kills the process that reads beyond its end (SIGBUS).
class MappedFile {
 public:
  // Throws Error: kNotFound, kIo (not a regular file, not readable, cannot be mapped).
  explicit MappedFile(const std::string& path);

  // One that nobody changes or cuts while the object lives, which is to be seconds: a read lease
  // lets who opens it for writing wait (fcntl(2), F_SETLEASE; 45 s at most, as the system is set).
  // nullptr where the system gives no lease: on another user's file, on one that is open for
  // writing, on some file systems. Throws like the constructor.
  static std::unique_ptr<const MappedFile> leased(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  // A hint that few and scattered parts of bytes[at, at + count) will be read.
  void expect_scattered_reads(std::size_t at, std::size_t count) const noexcept;

 private:
  MappedFile() = default;
  void map(int descriptor, const std::string& path);

  std::span<const std::byte> bytes_;
  int leased_ = -1;  // the descriptor that a lease lasts with
};

}  // namespace glint
