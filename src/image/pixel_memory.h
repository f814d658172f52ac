// Memory for a decoded picture.
#pragma once

#include <cstdint>
#include <vector>

namespace glint {

// `bytes` zeros. A large picture's memory comes in large pages where the system has them: a
// camera's picture would otherwise wait for thousands of small ones, a fifth of the time of its
// decoding. Throws std::bad_alloc.
std::vector<std::uint8_t> pixel_memory(std::int64_t bytes);

}  // namespace glint
