// What a package is, as JSON: the machine's form of `glint inspect`.
#pragma once

#include <glint/package.h>

#include "cli/json.h"

namespace glint::cli {

Json describe(const Package& package);

// As the manifest spells them.
const char* name_of(Geometry geometry);
const char* name_of(Interpolation interpolation);
const char* name_of(Arithmetic arithmetic);
const char* name_of(RgbConversion rgb);
const char* name_of(CropRounding crop);
const char* name_of(Rescale rescale);
const char* name_of(ChannelOrder channels);
const char* name_of(Overflow overflow);

// Whether a listed file is the base's.
bool is_lent(const Package& package, const std::string& file);

// Of all files of its own.
std::int64_t size_bytes(const Package& package);

}  // namespace glint::cli
