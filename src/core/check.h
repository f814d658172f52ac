// Raising errors and checking our own assumptions.
#pragma once

#include <glint/error.h>

#include <cstdint>
#include <locale>
#include <new>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace glint {

// The arguments printed one after another: cat("expected ", 3, ", got ", n).
template <typename... Args>
std::string cat(const Args&... args) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // the host's may group digits
  (out << ... << args);
  return out.str();
}

// "[2, 3]"
std::string shape_text(std::span<const std::int64_t> shape);

// Throws Error(code) with cat(args...) as its message.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, const Args&... args) {
  throw Error(code, cat(args...));
}

// Runs `work`; running out of memory becomes an Error. What a caller's own callback throws passes.
template <typename Work>
auto within_memory(std::string_view doing, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, doing, ": not enough memory");
  } catch (const std::length_error&) {
    fail(ErrorCode::kOutOfMemory, doing, ": more than can be addressed");
  }
}

// What was asked for, in quotes, with control characters escaped and all beyond 160 bytes cut out
// of its middle, so that a hostile name cannot flood or garble a message.
std::string quote(std::string_view text);

}  // namespace glint

#if defined(__FILE_NAME__)
#define GLINT_FILE __FILE_NAME__
#else
#define GLINT_FILE __FILE__
#endif

// A condition that only a bug in glint can break: Error(kInternal) with the place.
#define GLINT_CHECK(condition)                                                             \
  do {                                                                                     \
    if (!(condition)) {                                                                    \
      ::glint::fail(::glint::ErrorCode::kInternal, "internal error: ", #condition,         \
                    " does not hold in ", __func__, " (", GLINT_FILE, ":", __LINE__, ")"); \
    }                                                                                      \
  } while (false)
