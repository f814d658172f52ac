// `glint bench new-shape`: what a call costs whose batch size or text length comes for the first
// time, beside the next calls of the same shape.
#pragma once

#include <cstdint>

#include "cli/bench_works.h"
#include "cli/command.h"

namespace glint::cli {

// A line for each shape, with the median of `rounds` calls after the first, and in a table the
// worst of a warm tower once more: a tower's first call of all pays for more than a shape. `works`
// has made nothing yet.
void bench_new_shapes(BenchWorks& works, std::int64_t rounds, bool json, const Context& context);

}  // namespace glint::cli
