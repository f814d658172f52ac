// Many images or texts through a tower, in batches.
#pragma once

#include <glint/head.h>
#include <glint/towers.h>

#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

// Throws Error(kCancelled) when the caller wants to stop.
void check_stop(const std::stop_token& stop);

// images -> [I, D] un-normalised, in input order. Holds the pixels of one batch at a time.
// An unusable image is reported with its position.
std::vector<float> encode_images(std::span<const ImageView> images, const Towers& towers,
                                 std::string_view preprocess, const std::stop_token& stop,
                                 const ProgressFn& progress);

// texts -> [T, D] un-normalised, in input order. Texts are sorted by length and only those of one
// length share a batch, so none is padded.
std::vector<float> encode_texts(std::span<const std::string> texts, const Towers& towers,
                                const std::stop_token& stop, const ProgressFn& progress);

}  // namespace glint
