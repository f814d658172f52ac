#include "image/png_writer.h"

#include <glint/image.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <new>
#include <span>

#include "core/check.h"
#include "image/convert.h"
#include "image/view.h"

namespace glint {
namespace {

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

bool write(PngWriter& self, const PngSamples& samples) {
  if (setjmp(self.jump) != 0) return false;
  self.png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, &self, on_write_error, on_write_warning);
  if (self.png == nullptr) return false;
  self.info = png_create_info_struct(self.png);
  if (self.info == nullptr) return false;
  png_set_write_fn(self.png, &self, write_bytes, flush_nothing);
  png_set_IHDR(self.png, self.info, static_cast<png_uint_32>(samples.width),
               static_cast<png_uint_32>(samples.height), samples.depth,
               samples.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!samples.filters) png_set_filter(self.png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
  png_write_info(self.png, self.info);
  const std::int64_t stride = samples.width * samples.channels * samples.depth / 8;
  for (std::int64_t y = 0; y < samples.height; ++y) {
    png_write_row(self.png, samples.rows + y * stride);
  }
  png_write_end(self.png, nullptr);
  return true;
}

}  // namespace

std::vector<std::byte> write_png(const PngSamples& samples) {
  std::vector<std::byte> file;
  PngWriter writer;
  writer.file = &file;
  if (!write(writer, samples)) {
    fail(ErrorCode::kOutOfMemory, "expected memory for a PNG, got none: ", writer.message);
  }
  return file;
}

std::vector<std::byte> encode_png(const ImageView& image) try {
  check_view(image);
  const PixelReader reader(image, RowForm::kRgb);
  std::vector<std::uint8_t> rows(static_cast<std::size_t>(3 * image.width * image.height)), scratch;
  for (std::int64_t y = 0; y < image.height; ++y) {
    const PixelBlock row = reader.read(0, image.width, y, y + 1, scratch);
    std::copy_n(row.data, 3 * image.width, rows.data() + 3 * image.width * y);
  }
  return write_png({.rows = rows.data(),
                    .width = image.width,
                    .height = image.height,
                    .channels = 3,
                    .depth = 8,
                    .filters = true});
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory for a PNG of ", image.width, " x ", image.height,
       " pixels, got none");
}

}  // namespace glint
