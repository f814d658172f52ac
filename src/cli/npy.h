// NumPy's .npy files, version 1.0: f32, row-major.
// Format: numpy/lib/_format_impl.py (module documentation).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glint::cli {

// An array in memory together with its header, so that writing needs no second copy.
class NpyArray {
 public:
  // Filled with zeros. Throws Error: kInvalidArgument (a size below 0, or a product beyond 2^48
  // bytes), kOutOfMemory.
  explicit NpyArray(const std::vector<std::int64_t>& shape);

  std::span<float> values() { return std::span(block_).subspan(header_floats_); }

  // The file is there whole or not at all. Throws Error(kIo).
  void write(const std::string& path) const;

 private:
  std::size_t header_floats_ = 0;
  std::vector<float> block_;  // header bytes, then the values
};

// Where a link leads, so that writing replaces the file and not the link.
std::string output_target(const std::string& path);

// Throws Error(kIo) when `path` can not become a file: before hours of work, not after.
void check_writable(const std::string& path);

}  // namespace glint::cli
