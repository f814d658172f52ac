// Pixels as planes, one a channel.
#pragma once

#include <cstdint>

namespace glint {

// pixels [batch, count, channels] f32 -> planes [batch, channels, count]. Uses the OpenMP threads
// of the thread that calls.
void to_planes(const float* pixels, std::int64_t batch, std::int64_t count, std::int64_t channels,
               float* planes);

}  // namespace glint
