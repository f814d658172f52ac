// Apart from package.cpp because Tensor is implemented with LibTorch.
#include <glint/package.h>

#include <new>

#include "core/check.h"
#include "package/safetensors.h"

namespace glint {

NamedTensors Package::tensors(std::string_view name) const {
  const std::span<const std::byte> bytes = file(name);
  const std::string where = cat("package ", quote(path()), ": ", name);
  try {
    NamedTensors tensors;
    for (const auto& [key, stored] : parse_safetensors(bytes, where)) {
      tensors.emplace(key, stored.dtype == DType::kI64
                               ? Tensor::from(stored.shape, stored_ints(stored))
                               : Tensor::from(stored.shape, stored_floats(stored)));
    }
    return tensors;
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, where, ": not enough memory to hold its tensors");
  }
}

}  // namespace glint
