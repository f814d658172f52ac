// Pictures as they were stored: their own mode, 8 bits a channel, rows from the top.
#pragma once

#include <glint/export.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace glint {

// How the bytes of a pixel are laid out. Names are Pillow's.
enum class PixelMode {
  kL,     // grey                    1 byte
  kLA,    // grey, alpha             2 bytes
  kP,     // index into a palette    1 byte
  kRGB,   //                         3 bytes
  kBGR,   // as OpenCV has it        3 bytes
  kRGBA,  // alpha not premultiplied 4 bytes
  kBGRA,  // as OpenCV has it        4 bytes
  kCMYK,  // 0 is no ink             4 bytes
};

// Bytes a pixel of `mode` takes: 1 to 4.
GLINT_API std::int64_t channels(PixelMode mode);

// A picture that somebody else owns; valid as long as its memory is. Cheap to copy.
// Row y starts at data + y * row_stride_bytes, so a region of a larger picture is a view too.
struct ImageView {
  const std::uint8_t* data = nullptr;
  std::int64_t width = 0;             // pixels, at least 1
  std::int64_t height = 0;            // pixels, at least 1
  std::int64_t row_stride_bytes = 0;  // at least width * channels(mode)
  PixelMode mode = PixelMode::kRGB;
  std::span<const std::uint8_t> palette{};  // kP only: RGB triples, at most 256 of them
};

// A picture that owns its pixels. A value: copying copies the pixels.
class GLINT_API Image {
 public:
  Image() = default;
  // Takes over `pixels`, tightly packed: height * width * channels(mode) bytes.
  // `palette`: kP only, RGB triples. Throws Error(kInvalidArgument) when the sizes do not agree.
  Image(std::int64_t width, std::int64_t height, PixelMode mode, std::vector<std::uint8_t> pixels,
        std::vector<std::uint8_t> palette = {});

  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  PixelMode mode() const { return mode_; }
  std::span<const std::uint8_t> pixels() const { return pixels_; }

  // Valid while this image lives and is not assigned to.
  ImageView view() const&;
  ImageView view() && = delete;
  // An image is a view wherever one is due, so that a temporary may be an argument.
  operator ImageView() const { return view(); }  // NOLINT(google-explicit-constructor)

 private:
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  PixelMode mode_ = PixelMode::kRGB;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> palette_;
};

// The rectangle of `image` whose upper left pixel is (x, y): a view of the same memory.
// Throws Error(kInvalidArgument) unless it lies within the image and has a pixel.
GLINT_API ImageView crop(const ImageView& image, std::int64_t x, std::int64_t y, std::int64_t width,
                         std::int64_t height);
ImageView crop(Image&& image, std::int64_t x, std::int64_t y, std::int64_t width,
               std::int64_t height) = delete;  // the view would outlive the picture

// A picture of its own with the pixels of `image`, tightly packed; pixels outside a region are left
// behind. Throws Error: kInvalidArgument for an impossible view, kOutOfMemory.
GLINT_API Image copy(const ImageView& image);

struct DecodeOptions {
  // Larger pictures are refused from their header, before a pixel is decoded.
  std::int64_t max_pixels = 50'000'000;
  // False: the stored orientation, as the reference pipelines read it (Pillow without
  // exif_transpose). True: turned as the EXIF orientation tag says.
  bool apply_exif = false;
};

// Decodes a JPEG, PNG, WebP or BMP in memory (the content decides, not a name). The picture keeps
// its mode; 16 bits a channel become 8 as in Pillow (the high byte), except that 16-bit grey v
// becomes round(v / 257), where Pillow would turn nearly everything white. Safe from many threads.
// Throws Error: kCorruptImage (truncated, damaged, or none of the four formats), kUnsupported
// (a variant such as a lossless JPEG), kInvalidArgument (more pixels than max_pixels).
GLINT_API Image decode_image(std::span<const std::byte> bytes, const DecodeOptions& options = {});

// Reads and decodes a file; as decode_image, and kNotFound or kIo. Messages name the path.
GLINT_API Image load_image(const std::string& path, const DecodeOptions& options = {});

// A picture as the bytes of a PNG, RGB with 8 bits a channel; alpha is dropped.
// Throws Error: kInvalidArgument for an impossible view, kOutOfMemory.
GLINT_API std::vector<std::byte> encode_png(const ImageView& image);

}  // namespace glint
