// Whole files in and out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glint {

// The bytes of a regular file. Throws Error: kNotFound (no such file), kIo (not a regular file,
// not readable), kInvalidArgument (larger than max_bytes, checked before allocation).
std::vector<std::byte> read_file(const std::string& path, std::int64_t max_bytes);

// Writes a temporary file beside `path` and renames it over `path`: the file is there whole or
// not at all. Throws Error(kIo); the temporary file is removed.
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes);

// The same for a file that is written piece by piece, in any order.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);  // throws Error(kIo)
  ~AtomicFile();                          // without commit(), nothing is left
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Both throw Error(kIo). What was never written below the last byte reads as zeros.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  void commit();

 private:
  [[noreturn]] void fail_to_write() const;

  std::string path_;
  std::string temporary_;  // empty once it has become `path_`
  int descriptor_ = -1;
};

}  // namespace glint
