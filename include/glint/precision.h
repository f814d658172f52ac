// How exactly the towers compute.
#pragma once

#include <glint/export.h>

#include <string_view>

namespace glint {

enum class Precision {
  kExact,    // f32: within 1e-5 of the reference (max abs difference / max abs value)
  kFast,     // products of bf16 values with f32 sums: cosine of at least 0.9999 to the reference; a
             // CPU without bf16 instructions computes exactly instead
  kCompact,  // linear layers on 8-bit integers, weights with a scale an output and activations with
             // a scale a token, the other products as kFast: cosine of at least 0.99; a CPU without
             // such instructions computes as kFast instead
};

// "exact", "fast", "compact"
GLINT_API std::string_view to_string(Precision precision);
// Throws Error(kInvalidArgument) for any other name.
GLINT_API Precision parse_precision(std::string_view name);

}  // namespace glint
