#include "cli/npy.h"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

#include "core/check.h"
#include "core/file.h"

namespace glint::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxFloats = std::int64_t{1} << 46;
constexpr std::size_t kAlignment = 64;  // of the first value in the file

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || (count > 0 && size > kMaxFloats / count)) {
      fail(ErrorCode::kInvalidArgument, "expected an array of at most ", kMaxFloats,
           " numbers, got a side of ", size);
    }
    count *= size;
  }
  return count;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t size : shape) text += std::to_string(size) + ", ";
  if (shape.size() > 1)
    text.resize(text.size() - 2);  // "(3,)" keeps its comma, as Python writes
  else if (shape.size() == 1)
    text.pop_back();
  return text + ")";
}

// Magic, version, length of the rest, a Python dictionary padded with blanks, newline.
std::string header(const std::vector<std::int64_t>& shape) {
  constexpr const char* kOrder = std::endian::native == std::endian::little ? "<f4" : ">f4";
  std::string dictionary =
      cat("{'descr': '", kOrder, "', 'fortran_order': False, 'shape': ", shape_text(shape), ", }");
  constexpr std::size_t kFixed = 10;
  const std::size_t unpadded = kFixed + dictionary.size() + 1;
  const std::size_t padded = (unpadded + kAlignment - 1) / kAlignment * kAlignment;
  dictionary.append(padded - unpadded, ' ');
  const std::size_t length = dictionary.size() + 1;
  GLINT_CHECK(length < 65536);
  std::string text = "\x93NUMPY\x01";
  text += '\0';
  text += static_cast<char>(length & 255);
  text += static_cast<char>(length >> 8);
  return text + dictionary + "\n";
}

}  // namespace

NpyArray::NpyArray(const std::vector<std::int64_t>& shape) {
  const std::int64_t count = product(shape);
  const std::string text = header(shape);
  header_floats_ = text.size() / sizeof(float);
  try {
    block_.resize(header_floats_ + static_cast<std::size_t>(count));
  } catch (const std::exception&) {
    fail(ErrorCode::kOutOfMemory, "expected memory for ", count, " numbers, got none");
  }
  std::memcpy(block_.data(), text.data(), text.size());
}

void NpyArray::write(const std::string& path) const {
  check_writable(path);
  write_file_atomically(output_target(path), std::as_bytes(std::span(block_)));
}

std::string output_target(const std::string& path) {
  std::error_code error;
  const fs::path resolved = fs::weakly_canonical(path, error);
  return error ? path : resolved.string();
}

void check_writable(const std::string& path) {
  const fs::path file = output_target(path);
  std::error_code ignored;
  const fs::file_status status = fs::status(file, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fail(ErrorCode::kIo, "expected a file to write, got something else: ", quote(path));
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) {
    fail(ErrorCode::kIo, "cannot write ", quote(path), ": no folder ", quote(folder.string()));
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    fail(ErrorCode::kIo, "cannot write ", quote(path), ": ", std::strerror(errno));
  }
}

}  // namespace glint::cli
