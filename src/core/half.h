// Half precision.
#pragma once

#include <cstdint>

namespace glint {

// IEEE 754 binary16 -> binary32, exact for every input (a signalling NaN keeps its payload).
float half_to_float(std::uint16_t half);

}  // namespace glint
