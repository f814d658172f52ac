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

}  // namespace glint
