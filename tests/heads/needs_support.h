// What the factories of heads say to a package: the tiny one, with other heads and tensors.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "heads/registry.h"
#include "package/safetensors.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint::test {

using Json = nlohmann::ordered_json;
using Shape = std::vector<std::int64_t>;

inline constexpr auto kCorrupt = ErrorCode::kCorruptPackage;

inline std::size_t count_of(const Shape& shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return count;
}

// A safetensors file from tensors of one value each.
class TensorFile {
 public:
  TensorFile& floats(const std::string& name, const Shape& shape, float value = 0.5F) {
    floats_[name] = {shape, std::vector<float>(count_of(shape), value)};
    return *this;
  }
  TensorFile& ints(const std::string& name, const std::vector<std::int64_t>& values) {
    ints_[name] = values;
    return *this;
  }
  std::vector<std::byte> bytes() const {
    StoredTensors stored;
    for (const auto& [name, one] : floats_) {
      stored[name] = {.dtype = DType::kF32,
                      .shape = one.first,
                      .count = static_cast<std::int64_t>(one.second.size()),
                      .bytes = std::as_bytes(std::span(one.second))};
    }
    for (const auto& [name, values] : ints_) {
      const auto count = static_cast<std::int64_t>(values.size());
      stored[name] = {.dtype = DType::kI64,
                      .shape = {count},
                      .count = count,
                      .bytes = std::as_bytes(std::span(values))};
    }
    return glint::make_safetensors(stored, {});
  }

 private:
  std::map<std::string, std::pair<Shape, std::vector<float>>> floats_;
  std::map<std::string, std::vector<std::int64_t>> ints_;
};

inline const Json kZeroShot = {{"type", "zero_shot"}};

inline Json head(const std::string& type, const Json& parameters) {
  return {{"type", type}, {"parameters", parameters}, {"tensors", "tensors/learned.safetensors"}};
}

inline void as_it_is(Files&, Json&) {}

inline void without_classes(Files& files, Json& manifest) {
  files.erase("classes.json");
  manifest["files"].erase("classes.json");
}

// The heads of the tiny package (D = 4, text width 6, context 8, classes cat and dog), after
// `change` had its files and its manifest.
inline void make(const Json& heads, const TensorFile& tensors,
                 const std::function<void(Files&, Json&)>& change = as_it_is) {
  auto files = tiny_package();
  set_file(files, "tensors/learned.safetensors", tensors.bytes());
  Json manifest = Json::parse(manifest_of(files));
  manifest["tasks"]["classify"]["heads"] = heads;
  change(files, manifest);
  set_manifest(files, manifest.dump());
  make_heads(Package::from_memory(std::move(files)), "classify", {});
}

}  // namespace glint::test
