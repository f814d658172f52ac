// The one exception type of the library.
#pragma once

#include <glint/export.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace glint {

// What kind of thing went wrong. Branch on the code; show the message to people.
enum class ErrorCode {
  kInvalidArgument,  // the caller's mistake: an index, an empty list, a wrong shape
  kNotFound,         // no such file, package, task or label
  kCorruptPackage,   // a package, a file in it, a class bank or an index is not what it claims
  kCorruptImage,     // the bytes of an image are truncated or damaged
  kUnsupported,      // sound input that this version does not handle
  kDevice,           // no such device, or it failed
  kOutOfMemory,      // an allocation failed
  kCancelled,        // the caller's stop token was set
  kIo,               // reading or writing a file failed
  kInternal,         // a bug in glint; please report it
};

// "kNotFound" and so on, for logs.
GLINT_API std::string_view to_string(ErrorCode code);

// Thrown by every function of the library that fails, and nothing else is thrown (but for what a
// caller's own callback throws, which passes through). The message is
// one sentence: what was expected, what was got, and where. A throwing call leaves the objects it
// was called on as they were.
class GLINT_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ~Error() override;
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace glint
