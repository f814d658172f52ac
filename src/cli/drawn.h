// Inputs to time, drawn from fixed seeds: the same on every machine, and no file is needed.
#pragma once

#include <glint/image.h>

#include <cstdint>
#include <string>
#include <vector>

namespace glint::cli {

// RGB: gradients under coarse and fine noise, so that a codec has as much to do as with a photo.
Image drawn_picture(std::int64_t width, std::int64_t height);

// Uniform in [-1, 1).
std::vector<float> drawn_floats(std::int64_t count);

// Distinct short prompts: "a photo of a small red dog."
std::vector<std::string> drawn_prompts(std::int64_t count);

// `count` ids of a text tower: the start token, drawn ids, the end token.
std::vector<std::int64_t> drawn_ids(std::int64_t count, std::int64_t start, std::int64_t end);

}  // namespace glint::cli
