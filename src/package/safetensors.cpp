#include "package/safetensors.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "core/check.h"
#include "core/half.h"
#include "package/bytes.h"
#include "package/json.h"
#include "package/json_reader.h"

namespace glint {
namespace {

constexpr std::size_t kSizeBytes = 8;
constexpr JsonLimits kLimits = {.bytes = std::size_t{16} << 20, .depth = 4, .values = 1'000'000};
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxMetadata = 1'000;
constexpr std::size_t kMaxRank = 8;
constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

std::int64_t item_bytes(DType dtype) {
  return dtype == DType::kI64 ? 8 : dtype == DType::kF32 ? 4 : 2;
}

// Checks the outer form and returns the header's text.
std::span<const std::byte> header_of(std::span<const std::byte> file, std::string_view where) {
  if (file.size() < kSizeBytes) {
    fail(ErrorCode::kCorruptPackage, where, ": expected a safetensors file, got ", file.size(),
         " bytes");
  }
  const auto size = read_le<std::uint64_t>(file, 0);
  if (size > kLimits.bytes || size > file.size() - kSizeBytes) {
    fail(ErrorCode::kCorruptPackage, where, ": expected a header of at most ",
         std::min(kLimits.bytes, file.size() - kSizeBytes), " bytes, got a size of ", size);
  }
  return file.subspan(kSizeBytes, static_cast<std::size_t>(size));
}

// The product of a shape; nothing, with a problem, when it or its bytes overflow.
std::optional<std::int64_t> count_of(const JsonReader& json, StoredTensor& tensor) {
  std::int64_t count = 1;
  bool overflow = false, empty = false;  // strides overflow in empty tensors, too
  for (const JsonReader& item : json.items(0, kMaxRank)) {
    const auto size = item.integer(0, kMaxInt);
    if (!size) return std::nullopt;
    tensor.shape.push_back(*size);
    overflow = overflow || __builtin_mul_overflow(count, std::max<std::int64_t>(*size, 1), &count);
    empty = empty || *size == 0;
  }
  std::int64_t bytes = 0;
  if (overflow || __builtin_mul_overflow(count, item_bytes(tensor.dtype), &bytes)) {
    json.problem("expected sizes whose product fits 63 bits, got more");
    return std::nullopt;
  }
  return empty ? 0 : count;
}

StoredTensor read_tensor(const JsonReader& json, std::span<const std::byte> data) {
  StoredTensor tensor;
  const JsonObject fields = json.object({"dtype", "shape", "data_offsets"});
  constexpr DType kDTypes[] = {DType::kF32, DType::kF16, DType::kI64};
  const auto dtype = fields["dtype"].one_of({"F32", "F16", "I64"});
  if (dtype) tensor.dtype = kDTypes[*dtype];
  const auto count = count_of(fields["shape"], tensor);
  const auto offsets = fields["data_offsets"].items(2, 2);
  if (!dtype || !count || offsets.empty()) return tensor;
  tensor.count = *count;
  const auto end_limit = static_cast<std::int64_t>(data.size());
  const auto begin = offsets[0].integer(0, end_limit);
  const auto end = offsets[1].integer(0, end_limit);
  if (!begin || !end) return tensor;
  const std::int64_t bytes = *count * item_bytes(tensor.dtype);
  if (*end < *begin || *end - *begin != bytes) {
    fields["data_offsets"].problem(
        cat("expected a range of ", bytes, " bytes for the shape, got [", *begin, ", ", *end, "]"));
    return tensor;
  }
  tensor.bytes = data.subspan(static_cast<std::size_t>(*begin), static_cast<std::size_t>(bytes));
  return tensor;
}

Metadata read_metadata(const JsonReader& json) {
  Metadata metadata;
  for (const auto& [name, value] : json.members(0, kMaxMetadata)) {
    metadata.emplace(name, value.string(0, kLimits.bytes).value_or(""));
  }
  return metadata;
}

// The ranges must lie end to end from the first byte of the data to the last.
void check_tiling(const StoredTensors& tensors, std::span<const std::byte> data,
                  Problems& problems) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;  // begin, end
  for (const auto& [name, tensor] : tensors) {
    if (tensor.bytes.empty()) continue;
    const auto begin = static_cast<std::size_t>(tensor.bytes.data() - data.data());
    ranges.emplace_back(begin, begin + tensor.bytes.size());
  }
  std::sort(ranges.begin(), ranges.end());
  std::size_t at = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != at) {
      problems.add("", cat("expected tensor data at byte ", at, ", got ",
                           begin < at ? "an overlap" : "a hole", " there"));
      return;
    }
    at = end;
  }
  if (at != data.size()) {
    problems.add("", cat("expected ", at, " bytes of tensor data, got ", data.size()));
  }
}

template <typename T>
std::vector<T> copy_of(const StoredTensor& tensor) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  std::vector<T> out(static_cast<std::size_t>(tensor.count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = std::bit_cast<T>(read_le<Bits>(tensor.bytes, i * sizeof(T)));
  }
  return out;
}

}  // namespace

StoredTensors parse_safetensors(std::span<const std::byte> file, std::string_view where) {
  const std::span<const std::byte> header = header_of(file, where);
  const std::span<const std::byte> data = file.subspan(kSizeBytes + header.size());
  const JsonNode tree = parse_json(header, kLimits, where);
  Problems problems;
  StoredTensors tensors;
  for (const auto& [name, value] : JsonReader(tree, problems).members(0, kMaxTensors)) {
    if (name == "__metadata__") {
      read_metadata(value);
    } else {
      tensors.emplace(name, read_tensor(value, data));
    }
  }
  if (!problems.any()) check_tiling(tensors, data, problems);
  problems.throw_if_any(ErrorCode::kCorruptPackage, where);
  return tensors;
}

Metadata parse_safetensors_metadata(std::span<const std::byte> file, std::string_view where) {
  const JsonNode tree = parse_json(header_of(file, where), kLimits, where);
  Problems problems;
  Metadata metadata;
  for (const auto& [name, value] : JsonReader(tree, problems).members(0, kMaxTensors)) {
    if (name == "__metadata__") metadata = read_metadata(value);
  }
  problems.throw_if_any(ErrorCode::kCorruptPackage, where);
  return metadata;
}

std::vector<float> stored_floats(const StoredTensor& tensor) {
  GLINT_CHECK(tensor.dtype != DType::kI64);
  if (tensor.dtype == DType::kF32) return copy_of<float>(tensor);
  std::vector<float> out(static_cast<std::size_t>(tensor.count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = half_to_float(read_le<std::uint16_t>(tensor.bytes, 2 * i));
  }
  return out;
}

std::vector<std::int64_t> stored_ints(const StoredTensor& tensor) {
  GLINT_CHECK(tensor.dtype == DType::kI64);
  return copy_of<std::int64_t>(tensor);
}

}  // namespace glint
