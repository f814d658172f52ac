// Pictures made to break a decoder: cut, bent, and lying about their size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "image/pictures.h"

namespace glint::test {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<std::string> all_files() {
  std::vector<std::string> names;
  for (const auto& line : golden_lines("decode.txt")) names.push_back(line[0]);
  return names;
}

void put_be(Bytes& bytes, std::size_t at, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i) {
    bytes[at + static_cast<std::size_t>(i)] =
        static_cast<std::byte>(value >> 8 * (size - 1 - i) & 255);
  }
}

// Where the two size bytes of a JPEG's first frame header start.
std::size_t frame_size_at(const Bytes& jpeg) {
  for (std::size_t i = 0; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == std::byte{0xff} && jpeg[i + 1] == std::byte{0xc0}) return i + 5;
  }
  throw std::runtime_error("no frame header");
}

ErrorCode code_of(const Bytes& bytes) {
  const auto error = error_of([&] { decode_image(bytes); });
  if (!error) throw std::runtime_error("decoded");
  return error->code();
}

TEST(HostileImageTest, EmptyAndForeignBytesAreCorrupt) {
  EXPECT_EQ(code_of({}), ErrorCode::kCorruptImage);
  EXPECT_EQ(code_of(Bytes(1)), ErrorCode::kCorruptImage);
  EXPECT_EQ(code_of(Bytes(5000, std::byte{'x'})), ErrorCode::kCorruptImage);
  for (const std::string start :
       {"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "RIFFxxxxWEBP", "BM", "GIF8"}) {
    Bytes bytes(200, std::byte{0x55});
    std::memcpy(bytes.data(), start.data(), start.size());
    EXPECT_NE(code_of(bytes), ErrorCode::kInternal) << start;
  }
}

// A prefix is refused, unless nothing but the end marks of the format are missing; then it is the
// whole picture, as in Pillow.
TEST(HostileImageTest, EveryTruncationIsRefusedOrWhole) {
  constexpr std::size_t kEndMarkBytes = 12;  // of a PNG, the longest
  for (const std::string& name : all_files()) {
    const Bytes bytes = golden_file(name);
    const Image whole = decode_image(bytes);
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 400);
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      try {
        const Image image = decode_image(cut);
        EXPECT_TRUE(std::ranges::equal(image.pixels(), whole.pixels())) << name << " at " << size;
        EXPECT_GE(size + kEndMarkBytes, bytes.size()) << name << " at " << size;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruptImage) << name << ": " << error.what();
      }
    }
  }
}

TEST(HostileImageTest, ATruncatedPictureLeavesNothingOfTheOneBefore) {
  const Bytes secret = golden_file("420-noise.jpg");
  Image image = decode_image(secret);
  const std::vector<std::uint8_t> before(image.pixels().begin(), image.pixels().end());
  const Bytes cut(secret.begin(), secret.begin() + static_cast<std::ptrdiff_t>(secret.size() / 2));
  EXPECT_TRUE(error_of([&] { image = decode_image(cut); }));
  EXPECT_TRUE(std::ranges::equal(image.pixels(), before));
}

TEST(HostileImageTest, BentBytesNeverEscapeAsAnythingButError) {
  for (const std::string& name : all_files()) {
    const Bytes bytes = golden_file(name);
    for (std::uint32_t round = 0; round < 150; ++round) {
      Bytes bent = bytes;
      const auto random = noise(round, 12);
      for (std::size_t i = 0; i < 1 + round % 3; ++i) {
        const std::size_t at = (random[4 * i] * 256u + random[4 * i + 1]) % bent.size();
        // Half of the bends hit the header.
        bent[round % 2 == 0 ? at % std::min<std::size_t>(64, bent.size()) : at] =
            static_cast<std::byte>(random[4 * i + 2]);
      }
      try {
        const Image image = decode_image(bent, {.max_pixels = 1 << 20, .apply_exif = true});
        EXPECT_LE(image.width() * image.height(), 1 << 20);
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal) << name << ": " << error.what();
        EXPECT_NE(error.code(), ErrorCode::kOutOfMemory) << name << ": " << error.what();
      }
    }
  }
}

TEST(HostileImageTest, HeadersThatClaimHugeSizesAreRefusedAtOnce) {
  Bytes png = golden_file("rgb.png");
  put_be(png, 16, 0x7fffffff, 4);
  put_be(png, 20, 0x7fffffff, 4);
  EXPECT_EQ(code_of(png), ErrorCode::kInvalidArgument);
  Bytes jpeg = golden_file("444.jpg");
  put_be(jpeg, frame_size_at(jpeg), 0xffffffff, 4);
  EXPECT_EQ(code_of(jpeg), ErrorCode::kInvalidArgument);
  Bytes bmp = golden_file("rgb.bmp");
  put_be(bmp, 18, 0xffffff7f, 4);
  EXPECT_EQ(code_of(bmp), ErrorCode::kInvalidArgument);
  Bytes webp = golden_file("animated.webp");
  put_be(webp, 24, 0xffffff, 3);
  put_be(webp, 27, 0xffffff, 3);
  EXPECT_EQ(code_of(webp), ErrorCode::kInvalidArgument);
}

TEST(HostileImageTest, AnEmptyPictureIsCorrupt) {
  Bytes png = golden_file("rgb.png");
  put_be(png, 16, 0, 4);
  EXPECT_EQ(code_of(png), ErrorCode::kCorruptImage);
  Bytes jpeg = golden_file("444.jpg");
  put_be(jpeg, frame_size_at(jpeg), 0, 2);
  EXPECT_EQ(code_of(jpeg), ErrorCode::kCorruptImage);
  Bytes bmp = golden_file("rgb.bmp");
  put_be(bmp, 22, 0, 4);
  EXPECT_EQ(code_of(bmp), ErrorCode::kCorruptImage);
}

TEST(HostileImageTest, AWebpFrameLargerThanItsHeaderIsRefused) {
  Bytes webp = golden_file("animated.webp");
  put_be(webp, 24, 0x010000, 3);  // a canvas of 2 pixels
  EXPECT_EQ(code_of(webp), ErrorCode::kCorruptImage);
}

TEST(HostileImageTest, DamagedJpegDataIsRefused) {
  Bytes jpeg = golden_file("420-noise.jpg");
  // An end marker in the middle of the scan: libjpeg would make the rest up.
  put_be(jpeg, jpeg.size() * 3 / 4, 0xffd9, 2);
  EXPECT_EQ(code_of(jpeg), ErrorCode::kCorruptImage);
}

}  // namespace
}  // namespace glint::test
