#include "runtime/empty_tensor.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>

#include <memory>

#include "core/call_memory.h"
#include "core/large_buffer.h"

namespace glint {
namespace {

class Allocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t size) override {
    if (size < kLargePage) return c10::GetCPUAllocator()->allocate(size);
    auto block = std::make_unique<CallMemory::Block>(CallMemory::take(size));
    void* const data = block->data();
    return {data, block.release(), [](void* held) { delete static_cast<CallMemory::Block*>(held); },
            at::kCPU};
  }
  void copy_data(void* to, const void* from, std::size_t size) const override {
    default_copy_data(to, from, size);
  }
};

}  // namespace

at::Tensor empty_tensor(at::IntArrayRef shape, const at::TensorOptions& options) {
  if (!options.device().is_cpu()) {
    return at::empty(shape, options.memory_format(at::MemoryFormat::Contiguous));
  }
  static Allocator allocator;
  return at::detail::empty_generic(shape, &allocator, c10::DispatchKeySet(c10::DispatchKey::CPU),
                                   c10::typeMetaToScalarType(options.dtype()),
                                   at::MemoryFormat::Contiguous);
}

at::Tensor spaced_tensor(at::IntArrayRef shape, const at::TensorOptions& options) {
  constexpr std::int64_t kSpace = 16;
  auto with_space = shape.vec();
  with_space.back() += kSpace;
  return empty_tensor(with_space, options).narrow(-1, 0, shape.back());
}

}  // namespace glint
