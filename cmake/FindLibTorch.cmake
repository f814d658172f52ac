# Finds LibTorch and defines the target LibTorch::cpu: libtorch_cpu and libc10, nothing else.
#
# The config files that LibTorch ships look for a CUDA toolkit when it was built with CUDA, even
# for a program that uses none; this module needs headers and two libraries. It looks
#   1. in LIBTORCH_ROOT (a CMake or environment variable): a folder with include/ and lib/,
#   2. in CMAKE_PREFIX_PATH,
#   3. in the torch wheel of .venv at the top of the source tree.
#
# Result: LibTorch_FOUND, LibTorch_VERSION, LibTorch_INCLUDE_DIR, LibTorch_CPU_LIBRARY,
# LibTorch_C10_LIBRARY.

file(GLOB _libtorch_wheels "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
set(_libtorch_hints ${LIBTORCH_ROOT} $ENV{LIBTORCH_ROOT} ${CMAKE_PREFIX_PATH} ${_libtorch_wheels})
find_path(LibTorch_INCLUDE_DIR torch/csrc/jit/api/module.h
          HINTS ${_libtorch_hints} PATH_SUFFIXES include)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${_libtorch_hints} PATH_SUFFIXES lib)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${_libtorch_hints} PATH_SUFFIXES lib)

if(LibTorch_INCLUDE_DIR AND EXISTS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  set(_libtorch_version_file "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
else()
  set(_libtorch_version_file "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h")
endif()
if(EXISTS "${_libtorch_version_file}")
  file(STRINGS "${_libtorch_version_file}" _libtorch_lines
       REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" _libtorch_numbers "${_libtorch_lines}")
  string(REPLACE ";" "." LibTorch_VERSION "${_libtorch_numbers}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Set LIBTORCH_ROOT to a LibTorch folder, or run scripts/demo once.")
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 UNKNOWN IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(LibTorch::cpu UNKNOWN IMPORTED)
  set_target_properties(
    LibTorch::cpu
    PROPERTIES IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}"
               INTERFACE_LINK_LIBRARIES LibTorch::c10
               INTERFACE_INCLUDE_DIRECTORIES
               "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
               # A CUDA build's libtorch_cpu finds its own CUDA libraries at run time.
               INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined")
endif()
