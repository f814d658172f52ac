// How exactly the towers compute.
#pragma once

#include <glint/export.h>

#include <string_view>

namespace glint {

enum class Precision {
  kExact,  // f32: within 1e-5 of the reference (max abs difference / max abs value)
  kFast,   // linear layers on bf16 values with f32 sums: cosine of at least 0.9999 to the
           // reference; a CPU without bf16 instructions computes exactly instead
};

// "exact", "fast"
GLINT_API std::string_view to_string(Precision precision);
// Throws Error(kInvalidArgument) for any other name.
GLINT_API Precision parse_precision(std::string_view name);

}  // namespace glint
