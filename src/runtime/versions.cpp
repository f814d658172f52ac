// Which libraries are loaded. Each is asked at run time, since a shared library may be another one
// than that compiled against.
#include <ATen/Version.h>
#include <glint/version.h>
#include <png.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <webp/decode.h>
#include <webp/demux.h>
#include <zlib.h>

// After <cstdio>, which it needs and does not include.
#include <jpeglib.h>

#include "runtime/guard.h"

namespace glint {
namespace {

// major, minor and patch in the three bytes above the lowest `shift` bits.
std::string dotted(std::uint64_t bytes, unsigned shift) {
  return cat((bytes >> (shift + 16)) & 0xff, '.', (bytes >> (shift + 8)) & 0xff, '.',
             (bytes >> shift) & 0xff);
}

// TORCH_ABI_VERSION of the library that is loaded (torch/headeronly/version.h): the version in the
// three highest bytes.
std::string libtorch_version() { return dotted(aoti_torch_abi_version(), 40); }

// libjpeg-turbo names its version in its headers only; an older libjpeg, that of its interface.
LibraryVersion libjpeg_version() {
#define GLINT_TEXT_OF(x) #x
#define GLINT_VALUE_OF(x) GLINT_TEXT_OF(x)
#ifdef LIBJPEG_TURBO_VERSION
  return {"libjpeg-turbo", GLINT_VALUE_OF(LIBJPEG_TURBO_VERSION), false};
#else
  return {"libjpeg", GLINT_VALUE_OF(JPEG_LIB_VERSION), false};
#endif
#undef GLINT_VALUE_OF
#undef GLINT_TEXT_OF
}

}  // namespace

std::vector<LibraryVersion> library_versions() {
  return within_memory("listing the libraries' versions", [] {
    return std::vector<LibraryVersion>{
        {"LibTorch", libtorch_version()},
        libjpeg_version(),
        {"libpng", png_get_libpng_ver(nullptr)},
        {"libwebp", dotted(static_cast<std::uint64_t>(WebPGetDecoderVersion()), 0)},
        {"libwebpdemux", dotted(static_cast<std::uint64_t>(WebPGetDemuxVersion()), 0)},
        {"zlib", zlibVersion()},
    };
  });
}

std::string cpu_capability() {
  return guarded(ErrorCode::kDevice, "asking for the CPU's capability",
                 [] { return at::get_cpu_capability(); });
}

}  // namespace glint
