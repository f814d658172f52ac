#include <glint/error.h>
#include <glint/progress.h>

#include <glint/version.h>
#include "core/check.h"

#include "core/check.h"

namespace glint {

Error::~Error() = default;

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "kInvalidArgument";
    case ErrorCode::kNotFound:
      return "kNotFound";
    case ErrorCode::kCorruptPackage:
      return "kCorruptPackage";
    case ErrorCode::kCorruptImage:
      return "kCorruptImage";
    case ErrorCode::kUnsupported:
      return "kUnsupported";
    case ErrorCode::kDevice:
      return "kDevice";
    case ErrorCode::kOutOfMemory:
      return "kOutOfMemory";
    case ErrorCode::kCancelled:
      return "kCancelled";
    case ErrorCode::kIo:
      return "kIo";
    case ErrorCode::kInternal:
      return "kInternal";
  }
  return "unknown";
}

std::string version() {
  return cat(GLINT_VERSION_MAJOR, '.', GLINT_VERSION_MINOR, '.', GLINT_VERSION_PATCH);
}

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) fail(ErrorCode::kCancelled, "cancelled by the caller");
}

}  // namespace glint
