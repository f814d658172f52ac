// Any number of images, a batch at a time.
#pragma once

#include <glint/error.h>
#include <glint/image.h>
#include <glint/progress.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "core/check.h"

namespace glint {

// Whether one image of several can be the reason, so that it is worth looking for it.
inline bool is_about_an_image(ErrorCode code) {
  return code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnsupported ||
         code == ErrorCode::kCorruptImage;
}

// Throws an Error with its position for the first image that fails alone, unless all of them do.
template <typename Encode>
void throw_for_one(std::span<const ImageView> part, std::size_t first, const std::stop_token& stop,
                   const Encode& encode) {
  std::optional<Error> found;
  bool any_good = false;
  for (std::size_t i = 0; i < part.size() && !(found && any_good); ++i) {
    check_stop(stop);
    try {
      encode(part.subspan(i, 1));
      any_good = true;
    } catch (const Error& own) {
      if (!found) found.emplace(own.code(), cat("image ", first + i, ": ", own.what()));
    }
  }
  if (found && any_good) throw *found;
}

// encode(part) for images [first, first + size) of `images`. When it throws, and one of several
// images may be the reason, each is tried alone; the Error then names the position of the first
// that fails where others do not.
template <typename Encode>
auto encode_part(std::span<const ImageView> images, std::size_t first, std::size_t size,
                 const std::stop_token& stop, const Encode& encode) -> decltype(encode(images)) {
  const auto part = images.subspan(first, size);
  try {
    return encode(part);
  } catch (const Error& error) {
    if (images.size() == 1 || !is_about_an_image(error.code())) throw;
    if (size == 1) fail(error.code(), "image ", first, ": ", error.what());
    throw_for_one(part, first, stop, encode);
    throw;
  }
}

// use(encode(part)) for parts of at most max_batch images, in order.
template <typename Encode, typename Use>
void for_each_batch(std::span<const ImageView> images, std::int64_t max_batch,
                    const std::stop_token& stop, const ProgressFn& progress, const Encode& encode,
                    const Use& use) {
  for (std::size_t first = 0; first < images.size();) {
    check_stop(stop);
    const std::size_t size = std::min(images.size() - first, static_cast<std::size_t>(max_batch));
    use(encode_part(images, first, size, stop, encode));
    first += size;
    if (progress) {
      progress(static_cast<std::int64_t>(first), static_cast<std::int64_t>(images.size()));
    }
  }
}

}  // namespace glint
