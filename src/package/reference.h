// The reference tensors of a package against its manifest.
#pragma once

#include <glint/package.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "package/safetensors.h"

namespace glint {

// The tensors that recorded call number `call` took and gave.
std::string call_input(std::size_t call, std::string_view port);
std::string call_output(std::size_t call, std::string_view port);

// Names, dtypes and shapes as models/package.md has them (section "reference").
// Throws Error(kCorruptPackage) with every problem, the message beginning with `where`.
void check_reference(const StoredTensors& tensors, const Manifest& manifest,
                     std::string_view where);

}  // namespace glint
