#include "image/exif.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace glint {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;

// The number in a directory entry of type BYTE, SHORT or LONG; 1 for anything else.
std::uint32_t entry_value(ByteSpan tiff, std::size_t entry, bool big_endian) {
  const auto type = read_number(tiff, entry + 2, 2, big_endian).value_or(0);
  const auto count = read_number(tiff, entry + 4, 4, big_endian).value_or(0);
  const std::size_t size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
  if (size == 0 || count != 1) return 1;
  return read_number(tiff, entry + 8, size, big_endian).value_or(1);
}

}  // namespace

int exif_orientation(ByteSpan exif) {
  while (has_text(exif, 0, std::string_view("Exif\0\0", 6))) exif = exif.subspan(6);
  const bool big_endian = has_text(exif, 0, "MM");
  if (!big_endian && !has_text(exif, 0, "II")) return 1;
  const auto directory = read_number(exif, 4, 4, big_endian);
  if (!directory) return 1;
  const auto entries = read_number(exif, *directory, 2, big_endian);
  for (std::uint32_t i = 0; i < entries.value_or(0); ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + i * kEntryBytes;
    const auto tag = read_number(exif, entry, 2, big_endian);
    if (!tag) return 1;
    if (*tag != kOrientationTag) continue;
    const std::uint32_t value = entry_value(exif, entry, big_endian);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const ImageView from = image.view();
  const std::int64_t pixel = channels(from.mode);
  const std::int64_t row = from.row_stride_bytes;
  const std::int64_t right = (from.width - 1) * pixel;  // to the last column
  const std::int64_t bottom = (from.height - 1) * row;  // to the last row
  // Where the result's first pixel lies, and the steps to its right and lower neighbours.
  struct Walk {
    std::int64_t start, across, down;
  };
  const Walk walks[] = {
      {right, -pixel, row},            // 2: mirrored left to right
      {bottom + right, -pixel, -row},  // 3: turned by 180 degrees
      {bottom, pixel, -row},           // 4: mirrored top to bottom
      {0, row, pixel},                 // 5: transposed
      {bottom, -row, pixel},           // 6: turned clockwise
      {bottom + right, -row, -pixel},  // 7: transposed about the other diagonal
      {right, row, -pixel},            // 8: turned counter-clockwise
  };
  const Walk walk = walks[orientation - 2];
  const bool swapped = orientation >= 5;
  const std::int64_t width = swapped ? from.height : from.width;
  const std::int64_t height = swapped ? from.width : from.height;
  std::vector<std::uint8_t> pixels(image.pixels().size());
  std::uint8_t* to = pixels.data();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x, to += pixel) {
      std::copy_n(from.data + walk.start + y * walk.down + x * walk.across, pixel, to);
    }
  }
  return Image(width, height, from.mode, std::move(pixels),
               {from.palette.begin(), from.palette.end()});
}

}  // namespace glint
