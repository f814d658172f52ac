// safetensors: an 8-byte little-endian header size, a JSON header, the numbers.
#pragma once

#include <glint/tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

// A tensor inside the file's bytes.
struct StoredTensor {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::int64_t count = 1;            // the product of shape
  std::span<const std::byte> bytes;  // row-major, little-endian, of any alignment
};

using StoredTensors = std::map<std::string, StoredTensor, std::less<>>;

// The tensors of a file, whose ranges tile its data without overlap or hole. Views into `file`.
// Throws Error(kCorruptPackage) with every problem, the message beginning with `where`.
StoredTensors parse_safetensors(std::span<const std::byte> file, std::string_view where);

using Metadata = std::map<std::string, std::string, std::less<>>;

// The file's metadata; empty when it has none. Throws as parse_safetensors.
Metadata parse_safetensors_metadata(std::span<const std::byte> file, std::string_view where);

// A file of these tensors, whose bytes are row-major and little-endian, in order of their names.
std::vector<std::byte> make_safetensors(const StoredTensors& tensors, const Metadata& metadata);

// The numbers of an f32 or f16 tensor, f16 widened exactly.
std::vector<float> stored_floats(const StoredTensor& tensor);
// The numbers of an i64 tensor.
std::vector<std::int64_t> stored_ints(const StoredTensor& tensor);

}  // namespace glint
