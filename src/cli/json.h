// JSON as the program prints it: one object a line, keys in the order they were set.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace glint::cli {

using Json = nlohmann::ordered_json;

// On one line. Bytes that are not UTF-8 (in a file name) become U+FFFD.
std::string to_line(const Json& json);

// The same number as a double that prints with no more digits than an f32 needs: 0.1, not
// 0.10000000149011612.
double shortest(float value);

}  // namespace glint::cli
