// The rows of a .npy file that may be larger than memory. NpyArray (npy.h) is what writes them.
// Format: numpy/lib/_format_impl.py (module documentation), versions 1.0, 2.0 and 3.0.
#pragma once

#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace glint::cli {

// An array [N, D] of f32 or f16 in C order, little-endian; N may be 0.
class NpyRows {
 public:
  // Reads the header. Throws Error: kNotFound, kIo, kInvalidArgument (not such an array, or not as
  // long as its shape says).
  explicit NpyRows(const std::string& path);

  std::int64_t count() const { return count_; }  // N
  std::int64_t dim() const { return dim_; }      // D, at least 1

  // The next rows as f32, at most max_rows (at least 1); none at the end. Valid until the next
  // call. Throws Error: kIo, kOutOfMemory.
  std::span<const float> next(std::int64_t max_rows);

 private:
  std::uint64_t open();  // its size
  std::string read_header_text();
  template <typename... Args>
  [[noreturn]] void refuse(const Args&... args) const;
  void read(char* out, std::size_t bytes);

  std::string path_;
  std::ifstream file_;
  bool half_ = false;
  std::int64_t count_ = 0;
  std::int64_t dim_ = 0;
  std::int64_t done_ = 0;
  std::vector<float> values_;
  std::vector<std::uint16_t> halves_;
};

}  // namespace glint::cli
