#include "cli/drawn.h"

#include <algorithm>
#include <array>
#include <random>

namespace glint::cli {

Image drawn_picture(std::int64_t width, std::int64_t height) {
  std::mt19937 random(1);
  std::array<std::uint8_t, 4096> coarse{};
  for (std::uint8_t& value : coarse) value = static_cast<std::uint8_t>(random() % 64);
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(3 * width * height));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t slopes[] = {128 * x / width, 128 * y / height,
                                     128 * (x + y) / (width + height)};
      const std::int64_t block = coarse[static_cast<std::size_t>(64 * (y / 16 % 64) + x / 16 % 64)];
      for (const std::int64_t slope : slopes) {
        pixels.push_back(static_cast<std::uint8_t>(slope + block + random() % 16));
      }
    }
  }
  return {width, height, PixelMode::kRGB, std::move(pixels)};
}

std::vector<float> drawn_floats(std::int64_t count) {
  std::minstd_rand random(1);
  constexpr float kHalf = 0.5F * static_cast<float>(std::minstd_rand::max());
  std::vector<float> values(static_cast<std::size_t>(count));
  std::ranges::generate(values, [&] { return static_cast<float>(random()) / kHalf - 1; });
  return values;
}

std::vector<std::string> drawn_prompts(std::int64_t count) {
  static constexpr std::array kSizes = {"small", "large",  "young", "old",
                                        "wild",  "wooden", "shiny"};
  static constexpr std::array kColours = {"red", "black", "white", "golden", "grey"};
  static constexpr std::array kThings = {"dog",        "cat",    "lorry",   "sailing boat",
                                         "airliner",   "deer",   "beaver",  "teapot",
                                         "kingfisher", "violin", "mushroom"};
  std::vector<std::string> prompts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    prompts.push_back(std::string("a photo of a ") + kSizes[i % kSizes.size()] + " " +
                      kColours[i % kColours.size()] + " " + kThings[i % kThings.size()] + ".");
  }
  return prompts;
}

std::vector<std::int64_t> drawn_ids(std::int64_t count, std::int64_t start, std::int64_t end) {
  std::minstd_rand random(1);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::ranges::generate(ids, [&] { return static_cast<std::int64_t>(random()) % start; });
  ids.front() = start;
  ids.back() = end;
  return ids;
}

}  // namespace glint::cli
