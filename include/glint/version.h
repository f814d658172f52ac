// The version of the library, and of the libraries it runs with. Before 1.0 a minor version may
// change the interface.
#pragma once

#include <glint/export.h>

#include <string>
#include <vector>

#define GLINT_VERSION_MAJOR 0
#define GLINT_VERSION_MINOR 1
#define GLINT_VERSION_PATCH 0

namespace glint {

// "0.1.0": of the library that is loaded, which may differ from the headers compiled against.
GLINT_API std::string version();

// A library that glint is linked with.
struct LibraryVersion {
  std::string name;         // "LibTorch", "libpng", ...
  std::string version;      // "2.15.0"
  bool from_loaded = true;  // asked of the loaded library; false: of the headers glint was compiled
                            // with, because the library has no call that tells (libjpeg-turbo)
};

// LibTorch first, then the image decoders and zlib. Safe from many threads. Throws
// Error(kOutOfMemory) only.
GLINT_API std::vector<LibraryVersion> library_versions();

// The vector instructions that LibTorch's kernels use on this machine, in LibTorch's words:
// "DEFAULT" (none beyond the base), "AVX2", "AVX512". The environment variable
// ATEN_CPU_CAPABILITY can lower it (ATen/native/DispatchStub.cpp, compute_cpu_capability).
GLINT_API std::string cpu_capability();

}  // namespace glint
