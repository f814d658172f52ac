#include "image/png_reader.h"

#include <cstring>

#include "core/check.h"

namespace glint {
namespace {

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
  std::strncpy(self->message, message, sizeof self->message - 1);
  std::longjmp(self->jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > self->left) png_error(png, "end of a truncated file");
  std::memcpy(out, self->next, count);
  self->next += count;
  self->left -= count;
}

}  // namespace

bool open_png(PngReader& self, ByteSpan bytes) {
  self.next = bytes.data();
  self.left = bytes.size();
  if (setjmp(self.jump) != 0) return false;
  self.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &self, on_error, on_warning);
  if (self.png == nullptr) return false;
  self.info = png_create_info_struct(self.png);
  if (self.info == nullptr) return false;
  png_set_read_fn(self.png, &self, read_bytes);
  // Sizes are checked before; text, profiles and unknown chunks are skipped, never held.
  png_set_user_limits(self.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(self.png, 0);
  png_set_keep_unknown_chunks(self.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_check_for_invalid_index(self.png, 0);
  png_read_info(self.png, self.info);
  return true;
}

void require_done(bool done, const PngReader& self) {
  if (!done) {
    fail(ErrorCode::kCorruptImage, "PNG: expected sound data, got \"", self.message, "\"");
  }
}

}  // namespace glint
