// TorchScript archives, looked at before LibTorch sees them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace glint {

// Checks the zip's form, that it holds what torch::jit::save writes and nothing else, and that
// neither its pickles nor its source name anything outside tensors and arithmetic.
// Throws Error(kCorruptPackage), the message beginning with `where`.
void check_torch_archive(std::span<const std::byte> archive, std::string_view where);

}  // namespace glint
