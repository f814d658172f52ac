// A picture's pixels are allocated once. In a program of its own, which counts what `new` gives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "image/pictures.h"

namespace {

std::size_t counted_size = 0;
int count_of_size = 0;

}  // namespace

void* operator new(std::size_t size) {
  if (size == counted_size) ++count_of_size;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace glint::test {
namespace {

TEST(DecodeMemoryTest, HoldsThePixelsOnce) {
  constexpr std::size_t kSmall = 1000;  // where other things may be as large
  int pictures = 0;
  for (const auto& line : golden_lines("decode.txt")) {
    const auto file = golden_file(line[0]);
    const std::size_t bytes = decode_image(file).pixels().size();
    if (bytes < kSmall) continue;
    count_of_size = 0;
    counted_size = bytes;
    const Image image = decode_image(file);
    counted_size = 0;
    EXPECT_EQ(count_of_size, 1) << line[0] << ", " << bytes << " bytes";
    ++pictures;
  }
  EXPECT_GT(pictures, 10);
}

}  // namespace
}  // namespace glint::test
