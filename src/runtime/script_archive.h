// TorchScript archives read where they lie, in place of torch::jit::load: its copy of the weights
// costs as much time as hashing them. The archive is read with the reader that checked it, so what
// was checked is what runs.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/csrc/jit/api/module.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace glint {

// An archive that check_torch_archive() has passed, and what keeps it in memory.
struct SharedArchive {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// The module of an archive (torch/csrc/jit/serialization/import.cpp, ScriptModuleDeserializer). On
// the CPU its larger tensors lie in the archive's bytes, which they keep alive and which nothing may
// write to; the others are copies. Safe from many threads.
// Throws Error(kCorruptPackage), the message beginning with `where`, and c10::Error.
torch::jit::Module read_script(const SharedArchive& archive, std::string_view where,
                               at::Device device);

}  // namespace glint
