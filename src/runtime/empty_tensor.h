// Room for results.
#pragma once

#include <ATen/ops/empty.h>

#include <cstddef>

#include "core/large_buffer.h"

namespace glint {

// An at::empty of whole rows, in large pages where it is so large that malloc maps it anew for
// every call and gives it back behind it: small ones, each of which stops at its first touch, cost
// LSeg's tower a twentieth of its time in bf16.
inline at::Tensor empty_tensor(at::IntArrayRef shape, const at::TensorOptions& options) {
  constexpr std::size_t kMappedBytes = std::size_t{1} << 25;
  at::Tensor room = at::empty(shape, options.memory_format(at::MemoryFormat::Contiguous));
  if (room.is_cpu() && room.nbytes() >= kMappedBytes) {
    prefer_large_pages({static_cast<std::byte*>(room.mutable_data_ptr()), room.nbytes()});
  }
  return room;
}

}  // namespace glint
