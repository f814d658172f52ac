// Pictures read from files, a batch at a time and in order, so that memory stays bounded however
// many there are. One that can not be used is reported and left out; the others go on.
#pragma once

#include <glint/image.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options.h"

namespace glint::cli {

struct NamedImage {
  std::size_t position = 0;  // in the list of paths
  Image image;
};

// Reads a file, or standard input for "-".
Image read_image(const std::string& path, const CommonOptions& options, const Context& context);

// Calls use() with up to batch_size pictures, in order; fewer when they are large. When use()
// throws because of a picture, its pictures are offered again one by one, and the one that fails
// is reported; so use() must show nothing before it has everything.
// Returns how many pictures failed. Throws Error(kCancelled) after ctrl-C.
std::int64_t for_each_batch(const std::vector<std::string>& paths, const CommonOptions& options,
                            const Context& context,
                            const std::function<void(std::span<const NamedImage>)>& use);

// What the library's batched calls take; valid while `images` lives.
std::vector<ImageView> views(std::span<const NamedImage> images);

}  // namespace glint::cli
