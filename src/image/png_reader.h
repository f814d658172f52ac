// libpng, reading from memory.
//
// libpng reports errors by a callback that must not return; ours jumps. Only code without
// destructors runs between setjmp and longjmp: the C++ side calls it in steps, each a function that
// begins with `if (setjmp(self.jump) != 0) return false;`.
#pragma once

#include <png.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>

#include "image/byte_reader.h"

namespace glint {

struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::uint8_t* next = nullptr;
  std::size_t left = 0;
  std::jmp_buf jump{};
  char message[128] = {};

  PngReader() = default;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

// Reads up to the first row. The caller has checked the sizes of IHDR.
bool open_png(PngReader& self, ByteSpan bytes);

// Throws Error(kCorruptImage) with libpng's message unless `done`.
void require_done(bool done, const PngReader& self);

}  // namespace glint
