// WebP through libwebp's animation decoder, as Pillow calls it (PIL WebPImagePlugin.py,
// src/_webp.c): RGBA when the file declares alpha, else RGB; of an animation the first frame.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/check.h"
#include "image/decode.h"
#include "image/exif.h"
#include "image/pixel_memory.h"

namespace glint {
namespace {

bool is_webp(ByteSpan bytes) { return has_text(bytes, 0, "RIFF") && has_text(bytes, 8, "WEBP"); }

[[noreturn]] void corrupt(const char* expected) {
  fail(ErrorCode::kCorruptImage, "WebP: expected ", expected, ", got a truncated or damaged file");
}

int webp_orientation(ByteSpan bytes) {
  ByteSpan exif, xmp;
  std::size_t at = 12;
  while (const auto length = read_le32(bytes, at + 4)) {
    const ByteSpan body = tail(bytes, at + 8);
    if (*length > body.size()) break;
    if (has_text(bytes, at, "EXIF") && exif.empty()) exif = body.first(*length);
    if (has_text(bytes, at, "XMP ") && xmp.empty()) xmp = body.first(*length);
    at += 8 + std::size_t{*length} + *length % 2;
  }
  return stated_orientation(exif, xmp);
}

// The first chunk states the size: a lossy key frame, a lossless header, or a canvas.
ImageHeader webp_header(ByteSpan bytes) {
  ImageHeader header;
  header.orientation = webp_orientation(bytes);
  if (has_text(bytes, 12, "VP8 ") && has_text(bytes, 23, "\x9d\x01\x2a")) {
    header.width = read_le16(bytes, 26).value_or(0) & 0x3fff;
    header.height = read_le16(bytes, 28).value_or(0) & 0x3fff;
  } else if (has_text(bytes, 12, "VP8L") && has_text(bytes, 20, "\x2f")) {
    const auto bits = read_le32(bytes, 21);
    if (!bits) corrupt("a lossless header");
    header.width = (*bits & 0x3fff) + 1;
    header.height = (*bits >> 14 & 0x3fff) + 1;
  } else if (has_text(bytes, 12, "VP8X")) {
    const auto width = read_number(bytes, 24, 3, false);
    const auto height = read_number(bytes, 27, 3, false);
    if (!width || !height) corrupt("a canvas size");
    header.width = std::int64_t{*width} + 1;
    header.height = std::int64_t{*height} + 1;
  } else {
    corrupt("a VP8, VP8L or VP8X chunk");
  }
  return header;
}

using AnimDecoder = std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)>;

std::vector<std::uint8_t> without_alpha(const std::uint8_t* rgba, std::int64_t count) {
  std::vector<std::uint8_t> rgb = pixel_memory(3 * count);
  std::uint8_t* to = rgb.data();
  for (std::int64_t i = 0; i < count; ++i, rgba += 4) to = std::copy_n(rgba, 3, to);
  return rgb;
}

Image decode_webp(ByteSpan bytes, const ImageHeader& header) {
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) != VP8_STATUS_OK) {
    corrupt("a sound header");
  }
  const WebPData data{bytes.data(), bytes.size()};
  const AnimDecoder decoder(WebPAnimDecoderNew(&data, nullptr), WebPAnimDecoderDelete);
  if (decoder == nullptr) corrupt("a whole file");
  WebPAnimInfo info{};
  if (WebPAnimDecoderGetInfo(decoder.get(), &info) == 0 || info.canvas_width != header.width ||
      info.canvas_height != header.height) {
    corrupt("frames of the size in the header");
  }
  std::uint8_t* rgba = nullptr;  // owned by the decoder
  int timestamp_ms = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &rgba, &timestamp_ms) == 0) corrupt("sound data");
  const std::int64_t count = header.width * header.height;
  if (features.has_alpha == 0) {
    return Image(header.width, header.height, PixelMode::kRGB, without_alpha(rgba, count));
  }
  return Image(header.width, header.height, PixelMode::kRGBA, {rgba, rgba + 4 * count});
}

}  // namespace

const Codec kWebpCodec{"WebP", is_webp, webp_header, decode_webp};

}  // namespace glint
