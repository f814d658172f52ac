// Reads what numpy.save wrote, for tests: f16, f32, f64, i64 or u8 in C order, format 1.0.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace glint::test {

template <typename T>
struct Npy {
  std::vector<std::int64_t> shape;
  std::vector<T> values;
};

// A finite IEEE half as it lies in a file.
struct Half {
  std::uint16_t bits = 0;
  operator float() const {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double size =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
    return static_cast<float>((bits & 0x8000) != 0 ? -size : size);
  }
};

template <typename T>
constexpr const char* npy_type() {
  if constexpr (std::is_same_v<T, Half>) return "<f2";
  if constexpr (std::is_same_v<T, float>) return "<f4";
  if constexpr (std::is_same_v<T, double>) return "<f8";
  if constexpr (std::is_same_v<T, std::int64_t>) return "<i8";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "|u1";
}

// Throws std::runtime_error for anything but a whole file of type T.
template <typename T>
Npy<T> read_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto require = [&](bool condition, const char* what) {
    if (!condition) throw std::runtime_error(path + ": " + what);
  };
  require(bytes.size() >= 10 && bytes.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) == 0,
          "not an .npy file of format 1.0");
  const auto byte = [&](std::size_t i) {
    return std::size_t{static_cast<unsigned char>(bytes[i])};
  };
  const std::size_t data_at = 10 + byte(8) + 256 * byte(9);
  require(bytes.size() >= data_at, "truncated header");
  const std::string header = bytes.substr(10, data_at - 10);
  require(header.find(std::string("'descr': '") + npy_type<T>() + "'") != std::string::npos,
          "other element type");
  require(header.find("'fortran_order': False") != std::string::npos, "not in C order");

  Npy<T> result;
  std::size_t at = header.find("'shape': (");
  require(at != std::string::npos, "no shape");
  for (at += 10; at < header.size() && header[at] != ')';) {
    std::size_t digits = 0;
    result.shape.push_back(std::stoll(header.substr(at), &digits));
    at += digits;
    while (at < header.size() && (header[at] == ',' || header[at] == ' ')) ++at;
  }
  const std::int64_t count = std::accumulate(result.shape.begin(), result.shape.end(),
                                             std::int64_t{1}, std::multiplies<>());
  result.values.resize(static_cast<std::size_t>(count));
  require(bytes.size() - data_at == result.values.size() * sizeof(T), "size and shape disagree");
  std::memcpy(result.values.data(), bytes.data() + data_at, bytes.size() - data_at);
  return result;
}

}  // namespace glint::test
