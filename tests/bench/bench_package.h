// The package that the benchmarks run.
#pragma once

#include <glint/model.h>

namespace glint::bench {

// --package=PKG, or the environment's GLINT_BENCH_PACKAGE, or tiny-clip.
const char* package_path();

// --threads=N, or as many as the system has.
int threads();

// Loaded when first asked for, with --threads=N (0: all cores).
const Model& model();

}  // namespace glint::bench
