#include "kernels/planes.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels.h"

namespace glint {
namespace {

TEST(PlanesTest, HoldEveryPixelOfEveryChannel) {
  for (const std::int64_t count : {1, 15, 16, 100}) {
    for (const std::int64_t channels : {1, 16, 33}) {
      const std::int64_t batch = 3, size = count * channels;
      const auto pixels = draw(batch * size, 1);
      std::vector<float> planes(pixels.size());
      to_planes(pixels.data(), batch, count, channels, planes.data());
      for (std::int64_t i = 0; i < batch * size; ++i) {
        const std::int64_t image = i / size, channel = i % size / count, pixel = i % count;
        const std::int64_t from = (image * count + pixel) * channels + channel;
        ASSERT_EQ(planes[static_cast<std::size_t>(i)], pixels[static_cast<std::size_t>(from)]);
      }
    }
  }
}

}  // namespace
}  // namespace glint
