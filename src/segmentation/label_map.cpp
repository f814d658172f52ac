// Label maps as PNG files, through libpng. Values are indices: nothing is scaled, and no palette is
// looked up.
#include <glint/segmentation.h>

#include <cstring>
#include <new>

#include "core/check.h"
#include "image/decode.h"
#include "image/png_reader.h"
#include "image/view.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxLabels = 65'534;
constexpr std::int64_t kMaxLabelsOf8Bits = 254;

struct PngWriter {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::vector<std::byte>* file = nullptr;
  std::jmp_buf jump{};
  char message[128] = {};

  PngWriter() = default;
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
};

[[noreturn]] void on_write_error(png_structp png, png_const_charp message) {
  auto* self = static_cast<PngWriter*>(png_get_error_ptr(png));
  std::strncpy(self->message, message, sizeof self->message - 1);
  std::longjmp(self->jump, 1);
}

void on_write_warning(png_structp, png_const_charp) {}

// No exception may pass through libpng.
bool append(std::vector<std::byte>& file, const std::uint8_t* bytes, std::size_t count) noexcept {
  try {
    const auto* const from = reinterpret_cast<const std::byte*>(bytes);
    file.insert(file.end(), from, from + count);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void write_bytes(png_structp png, png_bytep bytes, std::size_t count) {
  auto* self = static_cast<PngWriter*>(png_get_io_ptr(png));
  if (!append(*self->file, bytes, count)) png_error(png, "no memory");
}

void flush_nothing(png_structp) {}

// rows: big-endian samples of `depth` bits, tightly packed.
bool write_png(PngWriter& self, const std::uint8_t* rows, std::int64_t width, std::int64_t height,
               int depth) {
  if (setjmp(self.jump) != 0) return false;
  self.png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, &self, on_write_error, on_write_warning);
  if (self.png == nullptr) return false;
  self.info = png_create_info_struct(self.png);
  if (self.info == nullptr) return false;
  png_set_write_fn(self.png, &self, write_bytes, flush_nothing);
  png_set_IHDR(self.png, self.info, static_cast<png_uint_32>(width),
               static_cast<png_uint_32>(height), depth, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_filter(self.png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
  png_write_info(self.png, self.info);
  const std::int64_t stride = width * depth / 8;
  for (std::int64_t y = 0; y < height; ++y) png_write_row(self.png, rows + y * stride);
  png_write_end(self.png, nullptr);
  return true;
}

// One byte a sample, two big-endian ones of 16 bits.
bool read_samples(PngReader& self, std::uint8_t* rows, std::size_t stride) {
  if (setjmp(self.jump) != 0) return false;
  png_set_packing(self.png);
  const int passes = png_set_interlace_handling(self.png);
  png_read_update_info(self.png, self.info);
  if (png_get_rowbytes(self.png, self.info) != stride) png_error(self.png, "unexpected row size");
  const png_uint_32 height = png_get_image_height(self.png, self.info);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(self.png, rows + y * stride, nullptr);
  }
  return true;
}

void check_segmentation(const Segmentation& segmentation) {
  const auto [width, height] = std::pair{segmentation.width, segmentation.height};
  const std::int64_t labels = std::ssize(segmentation.labels);
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide ||
      std::ssize(segmentation.map) != width * height) {
    fail(ErrorCode::kInvalidArgument, "expected a map of its width times its height, got ",
         segmentation.map.size(), " pixels for ", width, " x ", height);
  }
  if (labels > kMaxLabels) {
    fail(ErrorCode::kInvalidArgument, "expected at most ", kMaxLabels,
         " labels in a label map's 16 bits, got ", labels);
  }
  for (const std::int32_t index : segmentation.map) {
    if (index >= Segmentation::kNone && index < labels) continue;
    fail(ErrorCode::kInvalidArgument, "expected indices of ", labels, " labels, got ", index);
  }
}

}  // namespace

std::vector<std::byte> encode_label_map(const Segmentation& segmentation) try {
  check_segmentation(segmentation);
  const int depth = std::ssize(segmentation.labels) <= kMaxLabelsOf8Bits ? 8 : 16;
  std::vector<std::uint8_t> rows;
  rows.reserve(segmentation.map.size() * static_cast<std::size_t>(depth / 8));
  for (const std::int32_t index : segmentation.map) {
    const auto value = static_cast<std::uint32_t>(index);  // kNone: all bits set
    if (depth == 16) rows.push_back(static_cast<std::uint8_t>(value >> 8 & 0xff));
    rows.push_back(static_cast<std::uint8_t>(value & 0xff));
  }
  std::vector<std::byte> file;
  PngWriter writer;
  writer.file = &file;
  if (!write_png(writer, rows.data(), segmentation.width, segmentation.height, depth)) {
    fail(ErrorCode::kOutOfMemory, "expected memory for a PNG, got none: ", writer.message);
  }
  return file;
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory for a label map of ", segmentation.width, " x ",
       segmentation.height, " pixels, got none");
}

LabelMap decode_label_map(std::span<const std::byte> png, std::int64_t max_pixels) try {
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(png.data()), png.size());
  if (!kPngCodec.matches(bytes)) {
    fail(ErrorCode::kCorruptImage, "expected a PNG, got ", png.size(), " bytes of another form");
  }
  const ImageHeader header = kPngCodec.read_header(bytes);
  if (header.width < 1 || header.height < 1 || header.width > kMaxSide ||
      header.height > max_pixels / header.width) {
    fail(ErrorCode::kInvalidArgument, "expected a label map of 1 to ", max_pixels, " pixels, got ",
         header.width, " x ", header.height);
  }
  PngReader reader;
  require_done(open_png(reader, bytes), reader);
  const int type = png_get_color_type(reader.png, reader.info);
  if (type != PNG_COLOR_TYPE_GRAY && type != PNG_COLOR_TYPE_PALETTE) {
    fail(ErrorCode::kUnsupported, "expected a label map in grey or with a palette, got a PNG ",
         "in colour or with alpha");
  }
  const bool wide = png_get_bit_depth(reader.png, reader.info) == 16;
  const auto count = static_cast<std::size_t>(header.width * header.height);
  std::vector<std::uint8_t> rows(count * (wide ? 2 : 1));
  require_done(
      read_samples(reader, rows.data(), rows.size() / static_cast<std::size_t>(header.height)),
      reader);
  LabelMap labels{header.width, header.height, std::vector<std::int32_t>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t value = wide ? rows[2 * i] << 8 | rows[2 * i + 1] : rows[i];
    labels.map[i] = value == (wide ? 65'535 : 255) ? Segmentation::kNone : value;
  }
  return labels;
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory for a label map, got none");
}

}  // namespace glint
