// Where tensors live.
#pragma once

#include <glint/export.h>

#include <string>
#include <string_view>
#include <vector>

namespace glint {

// "cpu", "cuda" (the same as "cuda:0") or "cuda:N".
struct Device {
  enum class Kind { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int index = 0;  // kCuda only
};

// Throws Error(kInvalidArgument) for a name of another form.
GLINT_API Device parse_device(std::string_view name);
GLINT_API std::string to_string(const Device& device);

// The devices a model can be loaded on here: "cpu" first. Throws Error(kDevice) when the GPU driver
// fails.
GLINT_API std::vector<std::string> available_devices();

}  // namespace glint
