#include "cli/npy_rows.h"

#include <glint/index.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "core/check.h"
#include "core/half.h"

namespace glint::cli {
namespace {

constexpr std::size_t kMaxHeader = 65535;  // numpy.load refuses more than 10,000 by default

struct NpyHeader {
  std::string type;  // "<f4"
  bool fortran_order = true;
  std::vector<std::int64_t> shape;
};

// A Python dictionary of the three keys that numpy writes, in any order: strings in either kind of
// quotes without escapes, True or False, and a tuple of whole numbers.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  // False when the text is anything else.
  bool read(NpyHeader& header) {
    int seen = 0;
    if (!take('{')) return false;
    while (!take('}')) {
      std::string key;
      if (!read_string(key) || !take(':')) return false;
      const int bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (bit == 0 || (seen & bit) != 0) return false;
      seen |= bit;
      const bool good = bit == 1   ? read_string(header.type)
                        : bit == 2 ? read_bool(header.fortran_order)
                                   : read_tuple(header.shape);
      if (!good || (!take(',') && !next_is('}'))) return false;
    }
    skip_blanks();
    return seen == 7 && text_.empty();
  }

 private:
  void skip_blanks() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size()));
  }
  bool next_is(char c) {
    skip_blanks();
    return text_.starts_with(c);
  }
  bool take(char c) {
    if (!next_is(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_blanks();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool read_string(std::string& out) {
    skip_blanks();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return false;
    const std::size_t end = text_.find(text_.front(), 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return true;
  }
  bool read_bool(bool& out) {
    out = take_word("True");
    return out || take_word("False");
  }
  bool read_tuple(std::vector<std::int64_t>& out) {
    if (!take('(')) return false;
    while (!take(')')) {
      std::int64_t side = 0;
      if (!read_number(side)) return false;
      out.push_back(side);
      if (!take(',') && !next_is(')')) return false;
    }
    return true;
  }
  bool read_number(std::int64_t& out) {
    skip_blanks();
    const std::size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
    if (digits == 0 || digits > 18) return false;
    for (const char c : text_.substr(0, digits)) out = 10 * out + (c - '0');
    text_.remove_prefix(digits);
    return true;
  }

  std::string_view text_;
};

}  // namespace

NpyRows::NpyRows(const std::string& path) : path_(path) {
  const std::uint64_t size = open();
  const std::string text = read_header_text();
  NpyHeader header;
  if (!HeaderReader(text).read(header)) {
    refuse("expected a header with descr, fortran_order and shape, got ", quote(text));
  }
  if (header.type != "<f4" && header.type != "<f2") {
    refuse("expected numbers of type <f4 (f32) or <f2 (f16), got ", quote(header.type));
  }
  const std::vector<std::int64_t>& shape = header.shape;
  if (shape.size() != 2 || shape[0] > kMaxIndexRows || shape[1] < 1 || shape[1] > kMaxIndexDim) {
    refuse("expected an array of shape [N, D] with D from 1 to ", kMaxIndexDim, ", got ",
           shape_text(shape));
  }
  if (header.fortran_order && shape[0] > 1 && shape[1] > 1) {
    refuse("expected an array in C order, got Fortran order");
  }
  half_ = header.type == "<f2";
  count_ = shape[0];
  dim_ = shape[1];
  const auto data_at = static_cast<std::uint64_t>(file_.tellg());
  const auto values = static_cast<std::uint64_t>(count_) * static_cast<std::uint64_t>(dim_);
  const std::uint64_t expected = data_at + values * (half_ ? 2 : 4);
  if (size != expected) {
    refuse("expected ", expected, " bytes for an array of shape ", shape_text(shape), ", got ",
           size);
  }
}

template <typename... Args>
void NpyRows::refuse(const Args&... args) const {
  fail(ErrorCode::kInvalidArgument, args..., ", in ", quote(path_));
}

std::uint64_t NpyRows::open() {
  std::error_code error;
  const auto status = std::filesystem::status(path_, error);
  if (!std::filesystem::exists(status)) {
    fail(ErrorCode::kNotFound, "no such file: ", quote(path_));
  }
  if (!std::filesystem::is_regular_file(status)) {
    fail(ErrorCode::kIo, "expected a regular file, got something else: ", quote(path_));
  }
  const std::uint64_t size = std::filesystem::file_size(path_, error);
  file_.open(path_, std::ios::binary);
  if (error || !file_) {
    fail(ErrorCode::kIo, "cannot read ", quote(path_), ": ", std::strerror(errno));
  }
  return size;
}

std::string NpyRows::read_header_text() {
  char start[8] = {};  // magic and version
  file_.read(start, sizeof start);
  if (!file_ || std::memcmp(start, "\x93NUMPY", 6) != 0) {
    refuse("expected a NumPy .npy file, got other first bytes");
  }
  const int major = start[6];
  if (major < 1 || major > 3 || start[7] != 0) {
    refuse("expected .npy version 1.0, 2.0 or 3.0, got ", major, ".", int{start[7]});
  }
  unsigned char length_bytes[4] = {};
  read(reinterpret_cast<char*>(length_bytes), major == 1 ? 2 : 4);
  std::size_t length = 0;
  for (std::size_t i = 4; i-- > 0;) length = 256 * length + length_bytes[i];
  if (length > kMaxHeader) {
    refuse("expected a header of at most ", kMaxHeader, " bytes, got ", length);
  }
  std::string text(length, '\0');
  read(text.data(), length);
  return text;
}

void NpyRows::read(char* out, std::size_t bytes) {
  if (!file_.read(out, static_cast<std::streamsize>(bytes))) {
    fail(ErrorCode::kIo, "cannot read all bytes of ", quote(path_));
  }
}

std::span<const float> NpyRows::next(std::int64_t max_rows) {
  const auto rows = static_cast<std::size_t>(std::min(max_rows, count_ - done_));
  const std::size_t values = rows * static_cast<std::size_t>(dim_);
  within_memory("reading rows", [&] {
    values_.resize(values);
    halves_.resize(half_ ? values : 0);
  });
  if (half_) {
    read(reinterpret_cast<char*>(halves_.data()), 2 * values);
    std::ranges::transform(halves_, values_.begin(), half_to_float);
  } else {
    read(reinterpret_cast<char*>(values_.data()), 4 * values);
  }
  done_ += static_cast<std::int64_t>(rows);
  return values_;
}

}  // namespace glint::cli
