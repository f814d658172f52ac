// JPEG through libjpeg, as Pillow calls it (PIL JpegImagePlugin.py, src/libImaging/JpegDecode.c):
// accurate integer DCT, smooth upsampling, and a source that never invents data, so that a cut
// file is an error and not a grey area.
//
// Pillow keeps a picture whose entropy-coded data is damaged; we refuse it, because what libjpeg
// puts in place of the damage is not the picture. Harmless warnings (stray bytes between markers,
// an odd application segment) are ignored by both.
//
// libjpeg reports errors by longjmp. Only code without destructors runs between setjmp and
// longjmp: everything lives in Decompressor, and the C++ side calls it in steps.
#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h expects size_t and FILE

#include <jpeglib.h>

#include <jerror.h>  // its codes depend on jpeglib.h

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/check.h"
#include "image/decode.h"
#include "image/exif.h"
#include "image/pixel_memory.h"

namespace glint {
namespace {

// Progressive files may repeat scans; each costs a pass over the whole picture.
constexpr int kMaxScans = 500;

struct Decompressor {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_source_mgr source;
  jpeg_progress_mgr progress;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];

  Decompressor() : info{}, errors{}, source{}, progress{}, message{} {}
  ~Decompressor() { jpeg_destroy_decompress(&info); }  // also sound before creation: all zero
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
};

[[noreturn]] void on_error(j_common_ptr common) {
  auto* self = static_cast<Decompressor*>(common->client_data);
  common->err->format_message(common, self->message);
  std::longjmp(self->jump, 1);
}

void on_message(j_common_ptr common, int level) {
  if (level >= 0) return;  // trace output
  switch (common->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      on_error(common);
    default:
      return;
  }
}

void on_progress(j_common_ptr common) {
  auto* self = static_cast<Decompressor*>(common->client_data);
  if (self->info.input_scan_number <= kMaxScans) return;
  std::strncpy(self->message, "too many scans", sizeof self->message - 1);
  std::longjmp(self->jump, 1);
}

boolean no_more_data(j_decompress_ptr) { return FALSE; }

void skip_data(j_decompress_ptr info, long count) {
  jpeg_source_mgr& source = *info->src;
  if (count <= 0) return;
  const std::size_t skipped = std::min(static_cast<std::size_t>(count), source.bytes_in_buffer);
  source.next_input_byte += skipped;
  source.bytes_in_buffer -= skipped;
}

void ignore(j_decompress_ptr) {}
void ignore_output(j_common_ptr) {}

void connect(Decompressor& self, ByteSpan bytes) {
  self.info.err = jpeg_std_error(&self.errors);
  self.errors.error_exit = on_error;
  self.errors.emit_message = on_message;
  self.errors.output_message = ignore_output;
  self.info.client_data = &self;
  self.source.next_input_byte = bytes.data();
  self.source.bytes_in_buffer = bytes.size();
  self.source.init_source = ignore;
  self.source.fill_input_buffer = no_more_data;
  self.source.skip_input_data = skip_data;
  self.source.resync_to_restart = jpeg_resync_to_restart;
  self.source.term_source = ignore;
  self.progress.progress_monitor = on_progress;
}

enum class Step { kDone, kOutOfData, kFailed };

Step read_jpeg_header(Decompressor& self) {
  if (setjmp(self.jump) != 0) return Step::kFailed;
  jpeg_create_decompress(&self.info);  // keeps err and client_data
  self.info.src = &self.source;
  self.info.progress = &self.progress;
  int status = JPEG_HEADER_TABLES_ONLY;
  while (status == JPEG_HEADER_TABLES_ONLY) status = jpeg_read_header(&self.info, FALSE);
  return status == JPEG_HEADER_OK ? Step::kDone : Step::kOutOfData;
}

// `rows`: `height` rows of `stride` bytes. A missing end marker after the last row is forgiven, as
// by Pillow.
Step read_rows(Decompressor& self, J_COLOR_SPACE space, std::uint8_t* rows, std::int64_t stride) {
  if (setjmp(self.jump) != 0) return Step::kFailed;
  self.info.out_color_space = space;
  if (!jpeg_start_decompress(&self.info)) return Step::kOutOfData;
  while (self.info.output_scanline < self.info.output_height) {
    JSAMPROW row = rows + self.info.output_scanline * stride;
    if (jpeg_read_scanlines(&self.info, &row, 1) != 1) return Step::kOutOfData;
  }
  return Step::kDone;
}

void require_done(Step step, const Decompressor& self) {
  if (step == Step::kOutOfData) {
    fail(ErrorCode::kCorruptImage, "JPEG: expected more data, got the end of a truncated file");
  }
  if (step == Step::kFailed) {
    const bool memory = self.errors.msg_code == JERR_OUT_OF_MEMORY;
    fail(memory ? ErrorCode::kOutOfMemory : ErrorCode::kCorruptImage,
         "JPEG: expected sound data, got \"", self.message, "\"");
  }
}

bool is_jpeg(ByteSpan bytes) { return has_text(bytes, 0, "\xff\xd8\xff"); }

bool is_frame(std::uint32_t marker) {  // SOF0 .. SOF15 without DHT, JPG and DAC
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

void read_frame(ByteSpan segment, std::uint32_t marker, ImageHeader& header) {
  if (segment.size() < 6) {
    fail(ErrorCode::kCorruptImage, "JPEG: expected a frame header of 6 bytes or more, got ",
         segment.size());
  }
  if (segment[0] != 8) {
    fail(ErrorCode::kUnsupported, "JPEG: expected 8 bits a channel, got ", int{segment[0]});
  }
  if (marker != 0xc0 && marker != 0xc1 && marker != 0xc2 && marker != 0xc9 && marker != 0xca) {
    fail(ErrorCode::kUnsupported,
         "JPEG: expected a baseline, extended or progressive frame, got frame type SOF",
         marker - 0xc0);
  }
  if (segment[5] != 1 && segment[5] != 3 && segment[5] != 4) {
    fail(ErrorCode::kUnsupported, "JPEG: expected 1, 3 or 4 channels, got ", int{segment[5]});
  }
  header.height = *read_be16(segment, 1);
  header.width = *read_be16(segment, 3);
}

constexpr std::string_view kXmpMark("http://ns.adobe.com/xap/1.0/\0", 29);

// The segments up to the first scan: the frame header, the XMP packet and the EXIF block, which may
// be split over several segments.
ImageHeader jpeg_header(ByteSpan bytes) {
  ImageHeader header;
  std::vector<std::uint8_t> exif;
  ByteSpan xmp;
  bool framed = false;
  std::size_t at = 2;
  while (at + 1 < bytes.size()) {
    if (bytes[at] != 0xff || bytes[at + 1] == 0xff || bytes[at + 1] == 0) {
      ++at;  // stray or padding bytes between segments
      continue;
    }
    const std::uint32_t marker = bytes[at + 1];
    at += 2;
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;  // without a segment
    const auto length = read_be16(bytes, at);
    if (marker == 0xd9 || !length || *length < 2 || *length > bytes.size() - at) break;
    const ByteSpan segment = bytes.subspan(at + 2, *length - 2);
    at += *length;
    if (marker == 0xda && framed) {
      header.orientation = stated_orientation(exif, xmp);
      return header;
    }
    if (is_frame(marker)) {
      read_frame(segment, marker, header);
      framed = true;
    } else if (marker == 0xe1 && has_text(segment, 0, std::string_view("Exif\0\0", 6))) {
      exif.insert(exif.end(), segment.begin() + 6, segment.end());
    } else if (marker == 0xe1 && has_text(segment, 0, kXmpMark)) {
      xmp = segment.subspan(kXmpMark.size());
    }
  }
  fail(ErrorCode::kCorruptImage, "JPEG: expected a frame header and a scan, got ", bytes.size(),
       " bytes without them");
}

Image decode_jpeg(ByteSpan bytes, const ImageHeader& header) {
  Decompressor self;
  connect(self, bytes);
  require_done(read_jpeg_header(self), self);
  if (self.info.image_width != header.width || self.info.image_height != header.height) {
    fail(ErrorCode::kCorruptImage, "JPEG: expected one frame header, got two that disagree");
  }
  const int count = self.info.num_components;
  const PixelMode mode = count == 1   ? PixelMode::kL
                         : count == 3 ? PixelMode::kRGB
                                      : PixelMode::kCMYK;
  GLINT_CHECK(count == channels(mode));
  const J_COLOR_SPACE space = count == 1 ? JCS_GRAYSCALE : count == 3 ? JCS_RGB : JCS_CMYK;
  const std::int64_t stride = header.width * count;
  std::vector<std::uint8_t> pixels = pixel_memory(header.height * stride);
  require_done(read_rows(self, space, pixels.data(), stride), self);
  // Pillow takes every four-channel file for Adobe's, which stores ink inverted.
  if (mode == PixelMode::kCMYK) {
    for (std::uint8_t& ink : pixels) ink = static_cast<std::uint8_t>(255 - ink);
  }
  return Image(header.width, header.height, mode, std::move(pixels));
}

}  // namespace

const Codec kJpegCodec{"JPEG", is_jpeg, jpeg_header, decode_jpeg};

}  // namespace glint
