// Half precision.
#pragma once

#include <cstdint>
#include <optional>

namespace glint {

// IEEE 754 binary16 -> binary32, exact for every input (a signalling NaN keeps its payload).
float half_to_float(std::uint16_t half);

// The half that is this number; nullopt: there is none, or it is not finite.
std::optional<std::uint16_t> exact_half(float value);

}  // namespace glint
