// What this CPU's caches hold.
#pragma once

#include <cstdint>

namespace glint {

// A core's own second cache; a megabyte where the system does not tell.
std::int64_t second_cache_bytes();

}  // namespace glint
