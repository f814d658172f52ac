#include <nlohmann/json.hpp>

#include "package/safetensors.h"

namespace glint {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kAlignment = 8;  // of the data, as the reference writer pads the header

const char* name_of(DType dtype) {
  return dtype == DType::kI64 ? "I64" : dtype == DType::kF16 ? "F16" : "F32";
}

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::vector<std::byte> make_safetensors(const StoredTensors& tensors, const Metadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t end = at + tensor.bytes.size();
    header[name] = {
        {"dtype", name_of(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::vector<std::byte> out;
  out.reserve(8 + text.size() + at);
  for (int shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(text.size()) >> shift & 0xff));
  }
  append(out, std::as_bytes(std::span(text)));
  for (const auto& [name, tensor] : tensors) append(out, tensor.bytes);
  return out;
}

}  // namespace glint
