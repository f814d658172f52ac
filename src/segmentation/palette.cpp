#include <glint/segmentation.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "core/check.h"

namespace glint {
namespace {

// Sasha Trubetskoy's list of simple, distinct colours, without its greys.
constexpr std::array<Colour, 19> kFirst{{{230, 25, 75},
                                         {60, 180, 75},
                                         {255, 225, 25},
                                         {67, 99, 216},
                                         {245, 130, 49},
                                         {145, 30, 180},
                                         {70, 240, 240},
                                         {240, 50, 230},
                                         {188, 246, 12},
                                         {250, 190, 190},
                                         {0, 128, 128},
                                         {230, 190, 255},
                                         {154, 99, 36},
                                         {255, 250, 200},
                                         {128, 0, 0},
                                         {170, 255, 195},
                                         {128, 128, 0},
                                         {255, 216, 177},
                                         {0, 0, 117}}};

// Hues a golden section apart never come near each other soon; three levels of brightness.
Colour generated(std::int64_t i) {
  constexpr double kGolden = 0.61803398874989485;
  const double hue = 6 * std::fmod(static_cast<double>(i) * kGolden, 1.0);
  const double value = 1 - 0.22 * static_cast<double>(i % 3);
  const double saturation = 0.55 + 0.2 * static_cast<double>(i / 3 % 3);
  const auto channel = [&](double centre) {
    double away = std::fabs(hue - centre);
    away = std::min(away, 6 - away);
    const double share = std::clamp(2 - away, 0.0, 1.0);
    return static_cast<std::uint8_t>(std::lround(255 * value * (1 - saturation * (1 - share))));
  };
  return {channel(0), channel(2), channel(4)};
}

}  // namespace

std::vector<Colour> palette(std::int64_t labels) try {
  if (labels < 0) {
    fail(ErrorCode::kInvalidArgument, "expected a number of labels, got ", labels);
  }
  std::vector<Colour> colours;
  for (std::int64_t i = 0; i < labels; ++i) {
    colours.push_back(i < std::ssize(kFirst) ? kFirst[static_cast<std::size_t>(i)] : generated(i));
  }
  return colours;
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory for ", labels, " colours, got none");
}

}  // namespace glint
