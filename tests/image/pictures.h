// Pictures and golden lists shared by the image tests; the counterpart of golden/pixel_cases.py.
#pragma once

#include <glint/error.h>
#include <glint/image.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/file.h"

namespace glint::test {

inline std::string pixels_folder() { return std::string(GLINT_TEST_DATA) + "/golden/pixels/"; }

inline std::vector<std::byte> golden_file(const std::string& name) {
  return read_file(pixels_folder() + "files/" + name, 1 << 20);
}

// The space-separated lines of a golden list.
inline std::vector<std::vector<std::string>> golden_lines(const std::string& name) {
  std::ifstream file(pixels_folder() + name);
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    lines.emplace_back();
    for (std::string word; words >> word;) lines.back().push_back(word);
  }
  return lines;
}

template <typename T>
std::string crc(const std::vector<T>& values) {
  const auto value = crc32(0, reinterpret_cast<const Bytef*>(values.data()),
                           static_cast<uInt>(values.size() * sizeof(T)));
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", value);
  return text;
}

inline PixelMode mode_named(const std::string& name) {
  static const std::map<std::string, PixelMode> modes = {
      {"L", PixelMode::kL},     {"LA", PixelMode::kLA},     {"P", PixelMode::kP},
      {"RGB", PixelMode::kRGB}, {"RGBA", PixelMode::kRGBA}, {"CMYK", PixelMode::kCMYK}};
  return modes.at(name);
}

// pixel_cases.py: noise.
inline std::vector<std::uint8_t> noise(std::uint32_t seed, std::int64_t count) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  std::uint32_t counter = seed * 0x9E3779B1u;
  for (std::uint8_t& byte : bytes) {
    std::uint32_t x = counter++;
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    byte = static_cast<std::uint8_t>((x ^ x >> 16) >> 24);
  }
  return bytes;
}

// pixel_cases.py: synthetic.
inline Image synthetic(PixelMode mode, const std::string& pattern, std::uint32_t seed,
                       std::int64_t width, std::int64_t height) {
  const std::int64_t bands = channels(mode);
  std::vector<std::uint8_t> pixels = noise(seed, width * height * bands);
  std::size_t i = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < bands; ++c, ++i) {
        const std::uint8_t random = pixels[i];
        if ((mode == PixelMode::kLA || mode == PixelMode::kRGBA) && c == bands - 1) {
          pixels[i] = random < 64 ? 0 : random >= 192 ? 255 : random;
        } else if (pattern == "steps") {
          pixels[i] = static_cast<std::uint8_t>((x / 7 + y / 5 + c) % 2 * 255);
        } else if (pattern == "smooth") {
          pixels[i] = static_cast<std::uint8_t>((x * 3 + y * 5 + c * 85 + random % 16) % 256);
        }
        if (mode == PixelMode::kP) pixels[i] %= 200;
      }
    }
  }
  std::vector<std::uint8_t> palette;
  if (mode == PixelMode::kP) palette = noise(seed + 1, 600);
  return Image(width, height, mode, std::move(pixels), std::move(palette));
}

// The code and message of the Error that `action` throws, or nothing when it returns.
template <typename Action>
std::optional<Error> error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace glint::test
