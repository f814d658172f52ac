// Looks through a pickle of a TorchScript archive without running it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace glint {

// Protocol 2, the opcodes of torch's own reader (torch/csrc/jit/serialization/unpickler.cpp,
// Unpickler::readInstruction), and globals of tensors, containers and the archive's own classes.
// Throws Error(kCorruptPackage), the message beginning with `where`.
void scan_pickle(std::span<const std::byte> pickle, std::string_view where);

}  // namespace glint
