// The reference tensors of a package against its manifest.
#pragma once

#include <glint/package.h>

#include <string_view>

#include "package/safetensors.h"

namespace glint {

// Names, dtypes and shapes as models/package.md has them (section "reference").
// Throws Error(kCorruptPackage) with every problem, the message beginning with `where`.
void check_reference(const StoredTensors& tensors, const Manifest& manifest,
                     std::string_view where);

}  // namespace glint
