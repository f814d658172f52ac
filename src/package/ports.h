// What is derived from a manifest.
#pragma once

#include <glint/package.h>

#include <string>
#include <string_view>

namespace glint {

// Whether a declared method of the tower has an output of that name.
bool has_output(const TowerSpec& tower, std::string_view method, std::string_view output);

// The preprocess of the task classify, of the first task without one, of the package without tasks:
// what embeddings and the reference's pixels are made with.
const std::string& main_preprocess(const Manifest& manifest);

}  // namespace glint
