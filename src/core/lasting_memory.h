// Memory for parts that are read over and over, such as a model's weights.
#pragma once

#include <cstddef>
#include <memory>

namespace glint {

// `size` bytes, not set to anything, from the start of a cache line on; nullptr for 0. Parts share
// large pages, which a part of a megabyte could not have alone, and together hold the block that
// these are in: it is freed with the last of them. Any thread. Throws std::bad_alloc.
std::shared_ptr<void> lasting_memory(std::size_t size);

}  // namespace glint
