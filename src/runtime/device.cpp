#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <glint/device.h>

#include <charconv>

#include "core/check.h"
#include "runtime/guard.h"

namespace glint {

Device parse_device(std::string_view name) {
  if (name == "cpu") return {};
  if (name == "cuda") return {Device::Kind::kCuda, 0};
  constexpr std::string_view kPrefix = "cuda:";
  if (name.starts_with(kPrefix)) {
    const std::string_view digits = name.substr(kPrefix.size());
    Device device{Device::Kind::kCuda, 0};
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, device.index);
    if (error == std::errc() && stop == end && device.index >= 0) return device;
  }
  fail(ErrorCode::kInvalidArgument, "expected a device cpu, cuda or cuda:N, got ", quote(name));
}

std::string to_string(const Device& device) {
  return device.kind == Device::Kind::kCpu ? "cpu" : cat("cuda:", device.index);
}

std::vector<std::string> available_devices() {
  std::vector<std::string> names{"cpu"};
  const int count = guarded(ErrorCode::kDevice, "counting the GPUs", [] {
    return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  });
  for (int i = 0; i < count; ++i) names.push_back(cat("cuda:", i));
  return names;
}

}  // namespace glint
