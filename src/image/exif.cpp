#include "image/exif.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "image/pixel_memory.h"

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

// Nothing when the block has no such tag or cannot be read.
std::optional<std::uint32_t> exif_orientation(ByteSpan exif) {
  while (has_text(exif, 0, std::string_view("Exif\0\0", 6))) exif = exif.subspan(6);
  const bool big_endian = has_text(exif, 0, "MM");
  if (!big_endian && !has_text(exif, 0, "II")) return std::nullopt;
  const auto directory = read_number(exif, 4, 4, big_endian);
  if (!directory) return std::nullopt;
  const auto entries = read_number(exif, *directory, 2, big_endian);
  for (std::uint32_t i = 0; i < entries.value_or(0); ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + i * kEntryBytes;
    const auto tag = read_number(exif, entry, 2, big_endian);
    if (!tag) return std::nullopt;
    if (*tag == kOrientationTag) return entry_value(exif, entry, big_endian);
  }
  return std::nullopt;
}

// The digit after the first tiff:Orientation=" or tiff:Orientation>.
std::optional<std::uint32_t> xmp_orientation(ByteSpan xmp) {
  const std::string_view text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  constexpr std::string_view kName = "tiff:Orientation";
  for (std::size_t at = 0; (at = text.find(kName, at)) != text.npos;) {
    at += kName.size();
    const std::string_view rest = text.substr(at);
    const std::size_t digit = rest.starts_with("=\"") ? 2 : rest.starts_with(">") ? 1 : rest.size();
    if (digit < rest.size() && rest[digit] >= '0' && rest[digit] <= '9') {
      return static_cast<std::uint32_t>(rest[digit] - '0');
    }
  }
  return std::nullopt;
}

}  // namespace

int stated_orientation(ByteSpan exif, ByteSpan xmp) {
  std::optional<std::uint32_t> value = exif_orientation(exif);
  if (!value) value = xmp_orientation(xmp);
  return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
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
  std::vector<std::uint8_t> pixels = pixel_memory(std::ssize(image.pixels()));
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
