#include "image/decode.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "core/check.h"
#include "core/file.h"
#include "image/exif.h"
#include "image/view.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxFileBytes = std::numeric_limits<std::int32_t>::max();

const Codec& find_codec(ByteSpan bytes) {
  if (bytes.empty()) fail(ErrorCode::kCorruptImage, "image: expected a picture, got no bytes");
  for (const Codec* codec : {&kJpegCodec, &kPngCodec, &kWebpCodec, &kBmpCodec}) {
    if (codec->matches(bytes)) return *codec;
  }
  fail(ErrorCode::kCorruptImage, "image: expected a JPEG, PNG, WebP or BMP, got ", bytes.size(),
       " other bytes");
}

void check_size(const Codec& codec, const ImageHeader& header, std::int64_t max_pixels) {
  const auto [width, height] = std::pair{header.width, header.height};
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    fail(ErrorCode::kCorruptImage, codec.name, ": expected sides of 1 to ", kMaxSide,
         " pixels in the header, got ", width, " x ", height);
  }
  if (height > max_pixels / width) {
    fail(ErrorCode::kInvalidArgument, codec.name, ": expected at most ", max_pixels,
         " pixels, got ", width, " x ", height);
  }
}

}  // namespace

std::vector<std::uint8_t> black_and_white_palette() {
  std::vector<std::uint8_t> palette(768, 255);
  std::fill_n(palette.begin(), 3, std::uint8_t{0});
  return palette;
}

Image decode_image(std::span<const std::byte> bytes, const DecodeOptions& options) try {
  const ByteSpan data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  const Codec& codec = find_codec(data);
  const ImageHeader header = codec.read_header(data);
  check_size(codec, header, options.max_pixels);
  Image image = codec.decode(data, header);
  if (options.apply_exif) return apply_orientation(std::move(image), header.orientation);
  return image;  // moved, as it would not be from a conditional operator
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "image: expected memory to decode ", bytes.size(),
       " bytes, got none");
}

Image load_image(const std::string& path, const DecodeOptions& options) try {
  const std::vector<std::byte> bytes = read_file(path, kMaxFileBytes);
  try {
    return decode_image(bytes, options);
  } catch (const Error& error) {
    fail(error.code(), error.what(), ", in ", quote(path));
  }
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "image: expected memory to read ", quote(path), ", got none");
}

}  // namespace glint
